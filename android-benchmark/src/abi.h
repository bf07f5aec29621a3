/* The version of the protocol in README.md, and what this program was built for. */
#ifndef TFLCONV_ABI_H
#define TFLCONV_ABI_H

#define PROTOCOL 1

#if defined(__aarch64__) && defined(HARNESS_BIONIC)
#define ABI "aarch64-android"
#elif defined(__ANDROID__) && defined(__aarch64__)
#define ABI "aarch64-android"
#elif defined(__APPLE__) && defined(__aarch64__)
#define ABI "arm64-darwin"
#elif defined(__APPLE__) && defined(__x86_64__)
#define ABI "x86_64-darwin"
#elif defined(__aarch64__)
#define ABI "aarch64-linux"
#elif defined(__x86_64__)
#define ABI "x86_64-linux"
#else
#define ABI "other"
#endif

#endif
