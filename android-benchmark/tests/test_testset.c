#include "check.h"
#include "fail.h"
#include "testset.h"

/* Two pictures of 1x2 pixels with one channel; the labels take 4 bytes. */
struct file {
  char magic[8];
  uint32_t numbers[6];
  float values[256];
  uint16_t labels[2];
  uint8_t pixels[4];
};

static const struct file good = {
    .magic = {'t', 'f', 'l', 'c', 't', 'e', 's', 't'},
    .numbers = {TESTSET_VERSION, 2, 1, 2, 1, 3},
    .values = {[7] = 0.5f},
    .labels = {2, 0},
    .pixels = {7, 8, 9, 10},
};

static char path[] = "/tmp/testsetXXXXXX";

static void put(const void *content, size_t size) {
  FILE *stream = fopen(path, "wb");
  REQUIRE(stream != NULL && fwrite(content, 1, size, stream) == size);
  fclose(stream);
}

static void open_it(void *unused) {
  (void)unused;
  struct testset testset = testset_open(path);
  testset_close(&testset);
}

static int code_of(const struct file *file, size_t size) {
  put(file, size);
  return exit_code_of(open_it, NULL);
}

static void a_good_file_is_read(void) {
  put(&good, sizeof good);
  struct testset testset = testset_open(path);
  CHECK(testset.count == 2 && testset.classes == 3 && testset_picture_bytes(&testset) == 2);
  CHECK(testset.values[7] == 0.5f && testset.labels[0] == 2 && testset.pixels[3] == 10);
  testset_close(&testset);
}

static void what_does_not_fit_is_refused(void) {
  struct file other = good;
  other.magic[0] = 'x';
  CHECK(code_of(&other, sizeof other) == EXIT_INPUT);
  other = good, other.numbers[0] = 2;
  CHECK(code_of(&other, sizeof other) == EXIT_INPUT);
  other = good, other.labels[1] = 3;
  CHECK(code_of(&other, sizeof other) == EXIT_INPUT);
  other = good, other.numbers[1] = 0xffffffff;
  CHECK(code_of(&other, sizeof other) == EXIT_INPUT);
}

static void a_file_cut_anywhere_is_refused(void) {
  for (size_t size = 0; size < sizeof good; size += 13) CHECK(code_of(&good, size) == EXIT_INPUT);
}

static void a_missing_file_is_refused(void) {
  unlink(path);
  CHECK(exit_code_of(open_it, NULL) == EXIT_INPUT);
}

int main(void) {
  REQUIRE(mkstemp(path) >= 0);
  RUN(a_good_file_is_read);
  RUN(what_does_not_fit_is_refused);
  RUN(a_file_cut_anywhere_is_refused);
  RUN(a_missing_file_is_refused);
  return check_result();
}
