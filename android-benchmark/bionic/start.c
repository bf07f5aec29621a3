/* The start of a program on Android's C library, for a compiler that does not know Android.
 *
 * The kernel enters at _start with argc, argv and the environment on the stack; bionic's
 * __libc_init takes that pointer, sets itself up and calls main. It also wants to know the
 * program's constructors and destructors: there are none, and zeros say so in every version of
 * its structure. The NDK's crtbegin_dynamic.o does the same.
 */
int main(int argc, char **argv, char **environment);

_Noreturn void __libc_init(void *stack, void (*unused)(void), int (*main)(int, char **, char **),
                           const void *const *structors);

__attribute__((used)) _Noreturn static void start(void *stack) {
  static const void *const no_structors[16];
  __libc_init(stack, (void (*)(void))0, main, no_structors);
}

__asm__(
    ".globl _start\n"
    ".type _start, %function\n"
    "_start: mov x29, #0\n"
    "  mov x30, #0\n"
    "  mov x0, sp\n"
    "  b start\n");

/* The headers are musl's, and errno has another name there. */
int *__errno(void);
int *__errno_location(void) { return __errno(); }
