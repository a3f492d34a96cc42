/* libjpeg-turbo for WebAssembly: no SIMD, no arithmetic coding. */
#define JPEG_LIB_VERSION 62
#define LIBJPEG_TURBO_VERSION_NUMBER 2001005
#define MEM_SRCDST_SUPPORTED 1
#define BITS_IN_JSAMPLE 8
