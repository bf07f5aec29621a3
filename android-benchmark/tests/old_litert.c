/* A LiteRT from before 2.1.6, as far as one can tell from outside. */
int LiteRtCreateEnvironment(void);
int LiteRtCreateEnvironment(void) { return 0; }
