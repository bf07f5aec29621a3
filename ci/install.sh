#!/bin/sh
# Install what gate.sh needs: tflconv, and for an emulated core qemu and LiteRT for arm64. All but qemu
# is kept in tflconv's cache folder, so that a second job fetches nothing and has the very same packages;
# in the container of ci/Dockerfile everything is there.
#
#   TFLCONV_PACKAGE    what pip installs                      [tflconv]
#   TFLCONV_DEVICE     where gate.sh measures                 [arm64:cortex-a76]
#   TFLCONV_CACHE_DIR  the cache folder of tflconv            [~/.cache/tflconv]
set -eu

package=${TFLCONV_PACKAGE:-tflconv}
wheels=${TFLCONV_CACHE_DIR:-$HOME/.cache/tflconv}/wheels

install() {
  pip install --quiet --no-index --find-links "$wheels" "$package"
}

if ! install 2>/dev/null; then
  pip wheel --quiet --wheel-dir "$wheels" "$package"
  install
fi
case ${TFLCONV_DEVICE:-arm64:cortex-a76} in
arm64:*)
  if ! command -v qemu-aarch64 >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends qemu-user
  fi
  tflconv devices setup arm64
  ;;
esac
