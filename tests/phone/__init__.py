"""An arm64 Linux "phone" for the tests: Debian's genuine adbd and busybox, in namespaces, by qemu.

``rootfs`` fetches the packages once, ``profile`` says what the phone answers, ``init`` is the first
process inside, ``Phone`` starts and stops one. No root, no image: it boots in half a second.
"""

from phone.phone import Phone, adb, missing
from phone.profile import Profile

__all__ = ["Phone", "Profile", "adb", "missing"]
