"""What a phone says about itself, and the quirks of real phones, as files under its root.

The Android commands are busybox shell scripts that answer with text in the form real phones print
it. What they are told to change they keep below /tmp, where a test can look.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

CPUS = max(os.sched_getaffinity(0)) + 1

_APPLETS = """
awk basename cat chmod cp cut date dd df dirname echo env false find grep head id kill ln ls
mkdir mktemp mv nice nproc printf ps pwd readlink realpath rm rmdir sed sh sha256sum sleep sort stat
sync tail taskset tee test touch tr true uname uniq wc which xargs
"""

_CPUINFO = """\
processor\t: {index}
BogoMIPS\t: 52.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc \
dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: {part}
CPU revision\t: 0

"""

_DUMPSYS = """\
case "$1" in
battery) cat /etc/battery ;;
thermalservice) cat /etc/thermal ;;
power) cat /etc/power ;;
*) echo "Can't find service: $1" ;;
esac
"""

BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  status: 2
  health: 2
  present: true
  level: 85
  scale: 100
  voltage: 4251
  temperature: 310
  Charge counter: 3112000
  technology: Li-ion
"""

THERMAL = """\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 2
Thermal Status: {status}
Cached temperatures:
\tTemperature{{mValue=37.3, mType=0, mName=CPU0, mStatus=0}}
\tTemperature{{mValue=33.0, mType=3, mName=skin, mStatus={status}}}
HAL Ready: true
HAL connection:
\tThermalHAL 2.0 connected: yes
Current temperatures from HAL:
\tTemperature{{mValue=38.1, mType=0, mName=CPU0, mStatus=0}}
\tTemperature{{mValue=33.5, mType=3, mName=skin, mStatus={status}}}
Current cooling devices from HAL:
\tCoolingDevice{{mValue=0, mType=2, mName=thermal-cpufreq-0}}
"""

POWER = """\
POWER MANAGER (dumpsys power)

Power Manager State:
  mWakefulness={wakefulness}
  mIsPowered=true
  mStayOn=false
"""

_SETTINGS = """\
file=/tmp/settings.$2.$3
case "$1" in
get) if [ -e $file ]; then cat $file; else echo {stay_on}; fi ;;
put) echo "$4" >$file; echo "settings $*" >>/tmp/requests ;;
delete) rm -f $file; echo "settings $*" >>/tmp/requests ;;
esac
"""

_SETTINGS_DENIED = """\
echo "Exception occurred while executing '$1':" >&2
echo "java.lang.SecurityException: Permission denial: writing to settings requires:" \\
  "android.permission.WRITE_SECURE_SETTINGS" >&2
exit 255
"""

_CMD = """\
case "$1 $2" in
"power set-fixed-performance-mode-enabled") {fixed} ;;
*) echo "cmd: Can't find service: $1" >&2; exit 20 ;;
esac
"""

FIXED_ALLOWED = 'echo "$3" >/tmp/fixed-performance; echo "cmd $*" >>/tmp/requests'
FIXED_UNKNOWN = 'echo "Unknown command: $2"; exit 255'  # Android 10
FIXED_DENIED = """\
echo "Exception occurred while executing '$2':" >&2
echo "java.lang.SecurityException: uid 2000 does not have android.permission.DEVICE_POWER" >&2
exit 255"""

_GETPROP = """\
if [ -z "$1" ]; then sed 's/^\\([^=]*\\)=\\(.*\\)/[\\1]: [\\2]/' /system/build.prop; exit; fi
sed -n "s/^$1=//p" /system/build.prop
"""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One phone; the defaults are a well-behaved one with Android 13."""

    model: str = "Redmi Note 7"
    release: str = "13"
    sdk: int = 33
    core: str = "cortex-a76"
    cores: int = CPUS
    online: str = f"0-{CPUS - 1}"
    allowed: str = f"0-{CPUS - 1}"
    stay_on: str = "0"
    fixed_performance: str = FIXED_ALLOWED
    settings_denied: bool = False
    thermal_status: int = 0
    wakefulness: str = "Awake"
    carriage_returns: bool = False
    without: tuple[str, ...] = ()
    data_options: str = "size=256m"
    properties: dict[str, str] = field(default_factory=dict)
    files_added: dict[str, str] = field(default_factory=dict)

    @property
    def applets(self) -> list[str]:
        """The busybox commands this phone has."""
        return [name for name in _APPLETS.split() if name not in self.without]

    @property
    def files(self) -> dict[str, str]:
        """Everything that is written under the phone's root."""
        return self._kernel_files() | self._property_files() | self._commands() | self.files_added

    def _property_files(self) -> dict[str, str]:
        properties = {
            "ro.build.fingerprint": "xiaomi/lavender/lavender:13/TQ3A/1:user/release-keys",
            "ro.build.version.release": self.release,
            "ro.build.version.sdk": str(self.sdk),
            "ro.hardware": "qcom",
            "ro.product.cpu.abi": "arm64-v8a",
            "ro.product.manufacturer": "Xiaomi",
            "ro.product.model": self.model,
            "ro.soc.manufacturer": "QTI",
            "ro.soc.model": "SDM660",
        } | self.properties
        text = "".join(f"{name}={value}\n" for name, value in sorted(properties.items()))
        return {"system/build.prop": text}

    def _kernel_files(self) -> dict[str, str]:
        part = {"cortex-a76": "0xd0b", "cortex-a55": "0xd05", "cortex-a53": "0xd03"}[self.core]
        folder = "sys/devices/system/cpu"
        files = {
            "etc/cpuinfo": "".join(_CPUINFO.format(index=i, part=part) for i in range(self.cores)),
            f"{folder}/present": f"0-{self.cores - 1}\n",
            f"{folder}/possible": f"0-{self.cores - 1}\n",
            f"{folder}/online": f"{self.online}\n",
            "dev/cpuset/cpus": f"{self.allowed}\n",
        }
        for index in range(self.cores):
            cpu = f"{folder}/cpu{index}"
            files[f"{cpu}/cpufreq/cpuinfo_max_freq"] = f"{1_800_000 + 400_000 * index}\n"
            files[f"{cpu}/cpufreq/scaling_cur_freq"] = f"{1_800_000 + 400_000 * index}\n"
            files[f"{cpu}/cpufreq/scaling_governor"] = "schedutil\n"
        return files

    def _commands(self) -> dict[str, str]:
        answers = {
            "battery": BATTERY,
            "thermal": THERMAL.format(status=self.thermal_status),
            "power": POWER.format(wakefulness=self.wakefulness),
        }
        settings = _SETTINGS.format(stay_on=self.stay_on)
        commands = {
            "dumpsys": _DUMPSYS,
            "settings": _SETTINGS_DENIED if self.settings_denied else settings,
            "cmd": _CMD.format(fixed=self.fixed_performance),
            "getprop": _GETPROP,
        }
        return {f"etc/{name}": self._line_ends(text) for name, text in answers.items()} | {
            f"system/bin/{name}": "#!/system/bin/sh\n" + text for name, text in commands.items()
        }

    def _line_ends(self, text: str) -> str:
        return text.replace("\n", "\r\n") if self.carriage_returns else text
