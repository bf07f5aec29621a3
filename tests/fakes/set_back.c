// Preloaded into a program: its wall clock is a day behind from the moment that the file $SET_BACK exists.
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = (int)syscall(SYS_clock_gettime, clock, now);
  const char *moment = getenv("SET_BACK");
  if (!failed && clock == CLOCK_REALTIME && moment && access(moment, F_OK) == 0)
    now->tv_sec -= 86400;
  return failed;
}
