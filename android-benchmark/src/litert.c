#include "litert.h"

#include <dlfcn.h>
#include <math.h>
#include <string.h>

#include "fail.h"

/* First exported by 2.1.6, the release that gave LiteRtCreateModelFromFile its environment. */
static const char *const MARK_OF_2_1_6 = "LiteRtCreateModelFromFd";

static void *find(const struct litert *litert, const char *path, const char *symbol) {
  void *address = dlsym(litert->library, symbol);
  if (address == NULL) fail(EXIT_RUNTIME, "%s is no LiteRT library: it has no %s", path, symbol);
  return address;
}

static void refuse_older(const struct litert *litert, const char *path) {
  find(litert, path, "LiteRtCreateEnvironment");
  if (dlsym(litert->library, MARK_OF_2_1_6) == NULL)
    fail(EXIT_RUNTIME, "%s is older than LiteRT 2.1.6: it has no %s", path, MARK_OF_2_1_6);
}

void litert_load(struct litert *litert, const char *path) {
  litert->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (litert->library == NULL) fail(EXIT_RUNTIME, "cannot load the LiteRT runtime: %s", dlerror());
  refuse_older(litert, path);
  void *address; /* ISO C has no cast from object to function pointer; POSIX gives dlsym one */
#define LITERT_FIND(result, name, parameters)   \
  address = find(litert, path, "LiteRt" #name); \
  memcpy(&litert->name, &address, sizeof address);
  LITERT_FUNCTIONS(LITERT_FIND)
#undef LITERT_FIND
  address = dlsym(litert->library, "LiteRtCompiledModelIsNonCpuFullyAccelerated");
  memcpy(&litert->CompiledModelIsNonCpuFullyAccelerated, &address, sizeof address);
}

static const char *meaning(int status) {
  switch (status) {
    case 1: return "invalid argument";
    case 2: return "out of memory";
    case 3: return "runtime failure";
    case 5: return "unsupported";
    case 6: return "not found";
    case 500: return "file cannot be read";
    case 501: return "not a valid flatbuffer";
    case 502: return "a library cannot be loaded";
    case 504: return "compilation failed";
    default: return "see LiteRtStatus in litert_common.h";
  }
}

void litert_check(int status, int exit_code, const char *doing) {
  if (status != 0)
    fail((enum exit_code)exit_code, "cannot %s: LiteRT status %d (%s)", doing, status,
         meaning(status));
}

static void other_layout(const char *what) {
  fail(EXIT_RUNTIME, "this LiteRT lays out %s differently from versions 2.1.6 to 2.3.0", what);
}

void litert_check_type(const struct litert_tensor_type *made_of,
                       const struct litert_tensor_type *given_back, size_t packed_bytes) {
  unsigned rank = made_of->layout.rank;
  size_t bytes = litert_type_bytes(made_of->element_type);
  for (unsigned i = 0; i < rank && i < LITERT_MAX_RANK; i++)
    bytes *= (size_t)made_of->layout.dims[i];
  bool same = given_back->element_type == made_of->element_type &&
              given_back->layout.rank == rank && rank <= LITERT_MAX_RANK &&
              memcmp(given_back->layout.dims, made_of->layout.dims, rank * sizeof(int32_t)) == 0;
  if (!same || (bytes && bytes != packed_bytes)) other_layout("LiteRtRankedTensorType");
}

void litert_check_quantization(const struct litert_quantization *quantization) {
  bool scaled = quantization->scale > 0 && isfinite(quantization->scale);
  if (!scaled || quantization->zero_point < INT16_MIN || quantization->zero_point > UINT16_MAX)
    other_layout("LiteRtQuantizationPerTensor");
}

static bool all_zero(const void *memory, size_t size) {
  const unsigned char *bytes = memory;
  for (size_t i = 0; i < size; i++)
    if (bytes[i]) return false;
  return true;
}

void litert_check_events(const struct litert_event *events, size_t count) {
  bool filled = events[count - 1].tag != NULL && events[count - 1].event_type != 0;
  if (!filled || !all_zero(events + count, LITERT_SPARE * sizeof *events))
    other_layout("ProfiledEventData");
}

static const struct {
  int type;
  const char *name;
  size_t bytes;
} types[] = {
    {1, "float32", 4},  {2, "int32", 4},   {3, "uint8", 1},   {4, "int64", 8},
    {6, "bool", 1},     {7, "int16", 2},   {9, "int8", 1},    {10, "float16", 2},
    {11, "float64", 8}, {16, "uint32", 4}, {17, "uint16", 2}, {13, "uint64", 8},
};

const char *litert_type_name(int element_type) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].type == element_type) return types[i].name;
  return "other";
}

size_t litert_type_bytes(int element_type) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].type == element_type) return types[i].bytes;
  return 0;
}
