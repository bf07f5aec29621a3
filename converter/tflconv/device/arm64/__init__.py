"""What an emulated arm64 core is made of: QEMU, a sysroot with LiteRT, a plugin that counts."""
