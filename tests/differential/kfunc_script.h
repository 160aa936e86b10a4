// What the test and the program kfunc_script.bpf.c agree on: one call of a kernel function goes in through
// the map "request", what it did comes out through the map "answer".
#pragma once

#include <linux/types.h>

#define KFUNC_BYTES 64

enum kfunc_call {
  KFUNC_ITER_NUM,    // start, end; how many numbers and their sum
  KFUNC_ITER_BITS,   // words 0..8; how many bits and their sum
  KFUNC_DYNPTR,      // kind of dynptr, start and end that it is narrowed to; error and size
  KFUNC_SLICE,       // kind, offset; the first byte of eight, or -1 for null
  KFUNC_SLICE_RDWR,  // the same, with a byte written
  KFUNC_READ,        // kind, offset, size 1..63, flags
  KFUNC_WRITE,       // kind, offset, size 1..63, flags
  KFUNC_DATA,        // kind, offset; the first byte of eight, or -1
  KFUNC_COPY,        // kinds of both (to the local one, or from it), offsets, size
  KFUNC_MEMSET,      // kind, offset, size, value
  KFUNC_CLONE,       // kind; error and size of the clone
  KFUNC_FLAGS,       // kind, flags of making it; error, and what is_null, is_rdonly and size say
  KFUNC_STRING,      // which function, character or length; strings are the two halves of bytes
  KFUNC_SECTIONS,
  KFUNC_COUNT
};

struct kfunc_request {
  __u64 call;
  __u64 args[5];
  __u8 bytes[2 * KFUNC_BYTES];
};

struct kfunc_answer {
  __s64 result;
  __s64 second;
  __u8 bytes[KFUNC_BYTES];
};
