#!/bin/sh
# Compare each changed .tflite file of a repository with the one that was there before. Both are
# measured in this one job, by the same emulator, LiteRT and tflconv: so nothing is stored that would
# have to be measured anew when one of these is updated.
#
#   TFLCONV_BASELINE  commit or branch to compare with, such as origin/main (required)
#   TFLCONV_MODELS    git pathspec of the models                [*.tflite]
#   TFLCONV_LIMITS    what must not grow by more                [instructions:1% bytes:1%]
#   TFLCONV_DEVICE    where to measure                          [arm64:cortex-a76]
#   TFLCONV_OPTIONS   further options of tflconv compare        []
#   TFLCONV_REPORTS   folder of the JUnit and Markdown reports  [tflconv-reports]
#
# Ends with 5 if a limit is broken, as tflconv compare does.
set -eu

baseline=${TFLCONV_BASELINE:?name the commit or branch to compare with}
models=${TFLCONV_MODELS:-*.tflite}
limits=${TFLCONV_LIMITS:-instructions:1% bytes:1%}
device=${TFLCONV_DEVICE:-arm64:cortex-a76}
reports=${TFLCONV_REPORTS:-tflconv-reports}

before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
mkdir -p "$reports"
git diff --name-only --diff-filter=M "$baseline" -- "$models" >"$before/changed"

status=0
number=0
while IFS= read -r file; do
  number=$((number + 1))
  mkdir "$before/$number"
  old="$before/$number/$(basename "$file")"
  git cat-file --filters "$baseline:$file" >"$old" # with filters: files of git LFS come whole
  code=0
  # shellcheck disable=SC2086 # options are several words
  tflconv compare "$old" "$file" --device "$device" --fail-on "$limits" ${TFLCONV_OPTIONS:-} \
    --export-junit "$reports/$number.xml" --export-markdown "$reports/$number.md" </dev/null || code=$?
  case $code in
  0 | 5) [ "$code" -le "$status" ] || status=$code ;;
  *) exit "$code" ;;
  esac
  [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$reports/$number.md" >>"$GITHUB_STEP_SUMMARY"
done <"$before/changed"

echo "$number changed models compared with $baseline on $device"
exit "$status"
