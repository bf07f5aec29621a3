/* Plugin of QEMU's user emulation: counts the arm64 instructions between two marks, by class.
 *
 * The guest marks a stretch of its own execution with two instructions that do nothing and that
 * no compiler writes: `movz xzr, #0x7f10` begins, `movz xzr, #0x7f11` ends. At every end one line
 * "total sdot fmla smull memory simd" goes to the file that the argument out=FILE names.
 *
 * QEMU translates code in straight blocks. Each block, cut at the marks, remembers how many
 * instructions of each class it holds and counts only how often it ran: a begin sets these to 0,
 * an end adds up. Counts are exact but for a block that a signal leaves in its middle.
 *
 * No header of QEMU is needed: the few functions are declared here. Compile with
 * -DQEMU_PLUGIN_API=1 for QEMU before 9.0, =2 for 9.0, =3 from 9.1 on.
 * Encodings: Arm Architecture Reference Manual for A-profile, section C4.1.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { LAST_KNOWN_API = 6 };
static const uint32_t BEGIN = 0xD28FE21F, END = 0xD28FE23F;

struct qemu_info {
  const char *target_name;
  struct {
    int min, cur;
  } version;
};

typedef void on_block(uint64_t id, void *translation);
typedef void on_run(unsigned cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, on_block *callback);
void qemu_plugin_register_vcpu_insn_exec_cb(void *insn, on_run *callback, int flags, void *data);
size_t qemu_plugin_tb_n_insns(const void *translation);
void *qemu_plugin_tb_get_insn(const void *translation, size_t index);
#if QEMU_PLUGIN_API < 3
const uint32_t *qemu_plugin_insn_data(const void *insn);
#else
size_t qemu_plugin_insn_data(const void *insn, void *target, size_t bytes);
#endif

EXPORT int qemu_plugin_version = QEMU_PLUGIN_API;

enum { TOTAL, SDOT, FMLA, SMULL, MEMORY, SIMD, CLASSES };

static const struct {
  int class;
  uint32_t mask, value;
} encodings[] = {
    {TOTAL, 0, 0},
    {SDOT, 0x9FE0FC00, 0x0E809400},   /* SDOT, UDOT: vector */
    {SDOT, 0x9FC0F400, 0x0F80E000},   /* SDOT, UDOT: by element */
    {SDOT, 0xDFE0F400, 0x4E80A400},   /* SMMLA, UMMLA, USMMLA: products of two 2 x 8 matrices */
    {SDOT, 0xBFE0FC00, 0x0E809C00},   /* USDOT: vector */
    {SDOT, 0xBF40F400, 0x0F00F000},   /* USDOT, SUDOT: by element */
    {FMLA, 0xBFA0FC00, 0x0E20CC00},   /* FMLA: vector, single and double */
    {FMLA, 0xBF80F400, 0x0F801000},   /* FMLA: by element, single and double */
    {FMLA, 0xBFE0FC00, 0x0E400C00},   /* FMLA: vector, half */
    {FMLA, 0xBFC0F400, 0x0F001000},   /* FMLA: by element, half */
    {SMULL, 0x9F20FC00, 0x0E20C000},  /* SMULL, UMULL: vector */
    {SMULL, 0x9F20FC00, 0x0E208000},  /* SMLAL, UMLAL: vector */
    {SMULL, 0x9F00F400, 0x0F00A000},  /* SMULL, UMULL: by element */
    {SMULL, 0x9F00F400, 0x0F002000},  /* SMLAL, UMLAL: by element */
    {MEMORY, 0x0A000000, 0x08000000}, /* loads, stores, prefetches */
    {SIMD, 0x0E000000, 0x0E000000},   /* Advanced SIMD and floating point, without memory */
};

struct block {
  uint64_t runs;
  unsigned insns[CLASSES];
  struct block *next;
};

static struct block *blocks;
static FILE *counts;

static uint32_t encoding(const void *insn) {
#if QEMU_PLUGIN_API < 3
  return *qemu_plugin_insn_data(insn);
#else
  uint32_t word = 0;
  qemu_plugin_insn_data(insn, &word, sizeof word);
  return word;
#endif
}

static void classify(struct block *block, uint32_t word) {
  for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
    block->insns[encodings[i].class] += (word & encodings[i].mask) == encodings[i].value;
}

static void ran(unsigned cpu, void *block) {
  (void)cpu;
  __atomic_fetch_add(&((struct block *)block)->runs, 1, __ATOMIC_RELAXED);
}

static void begin(unsigned cpu, void *unused) {
  (void)cpu, (void)unused;
  for (struct block *block = blocks; block; block = block->next) block->runs = 0;
}

static void end(unsigned cpu, void *unused) {
  (void)cpu, (void)unused;
  uint64_t sums[CLASSES] = {0};
  for (struct block *block = blocks; block; block = block->next)
    for (int kind = 0; kind < CLASSES; kind++) sums[kind] += block->runs * block->insns[kind];
  for (int kind = 0; kind < CLASSES; kind++)
    fprintf(counts, "%llu%c", (unsigned long long)sums[kind], kind + 1 < CLASSES ? ' ' : '\n');
  fflush(counts);
}

/* A new block that counts from `insn` on. QEMU translates under one lock, so no other is needed. */
static struct block *block_from(void *insn) {
  struct block *block = calloc(1, sizeof *block);
  if (!block) abort();
  block->next = blocks;
  __atomic_store_n(&blocks, block, __ATOMIC_RELEASE);
  qemu_plugin_register_vcpu_insn_exec_cb(insn, ran, 0, block);
  return block;
}

static void translated(uint64_t id, void *translation) {
  (void)id;
  struct block *block = NULL;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(translation); i++) {
    void *insn = qemu_plugin_tb_get_insn(translation, i);
    uint32_t word = encoding(insn);
    if (word == BEGIN || word == END) {
      qemu_plugin_register_vcpu_insn_exec_cb(insn, word == BEGIN ? begin : end, 0, NULL);
      block = NULL;
      continue;
    }
    if (!block) block = block_from(insn);
    classify(block, word);
  }
}

EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *qemu, int argc, char **argv) {
  const char *path = argc == 1 && strncmp(argv[0], "out=", 4) == 0 ? argv[0] + 4 : "";
  if (qemu->version.cur > LAST_KNOWN_API) {
    fprintf(stderr, "tflconv: the plugin interface %d of this QEMU is newer than %d\n",
            qemu->version.cur, LAST_KNOWN_API);
    return 1;
  }
  if (!(counts = fopen(path, "w"))) {
    fprintf(stderr, "tflconv: out=FILE does not name a file that can be written\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  return 0;
}
