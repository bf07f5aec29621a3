"""Parts of an emulated arm64 core: QEMU, a sysroot with LiteRT, a plugin that counts."""
