/* A 64-bit FNV-1a hash: it shows whether outputs have equal bits; it is no protection.
 * Fowler, Noll, Vo; www.isthe.com/chongo/tech/comp/fnv. */
#ifndef TFLCONV_DIGEST_H
#define TFLCONV_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t digest_add(uint64_t digest, const void *data, size_t size) {
  const unsigned char *bytes = data;
  for (size_t i = 0; i < size; i++) digest = (digest ^ bytes[i]) * UINT64_C(0x100000001b3);
  return digest;
}

#endif
