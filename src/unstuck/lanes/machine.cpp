// What the loader asks before it calls the kernel: compiled once, for the least of processors.
#if defined(__x86_64__)
#include <cpuid.h>

static bool has(unsigned leaf, int reg, unsigned bits) {
    unsigned found[4] = {};
    return __get_cpuid_count(leaf, 0, found, found + 1, found + 2, found + 3) &&
           (found[reg] & bits) == bits;
}

// Lanes of the widest registers that the processor has and the system saves. By hand, since
// __builtin_cpu_supports answers no to everything when zig has compiled it.
extern "C" int lanes_widest() {
    enum { EBX = 1, ECX = 2 };
    unsigned saved = 0, high;
    if (has(1, ECX, 1u << 27)) __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    // x86-64-v3: AVX, F16C, FMA, MOVBE; AVX2, BMI, BMI2; LZCNT
    bool v3 = (saved & 0x06) == 0x06 && has(1, ECX, 1u << 28 | 1u << 29 | 1u << 12 | 1u << 22) &&
              has(7, EBX, 1u << 5 | 1u << 3 | 1u << 8) && has(0x80000001, ECX, 1u << 5);
    // x86-64-v4: AVX-512 F, DQ, CD, BW, VL
    bool v4 = v3 && (saved & 0xe6) == 0xe6 &&
              has(7, EBX, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31);
    return v4 ? 16 : v3 ? 8 : 4;
}
#else
extern "C" int lanes_widest() { return 4; }
#endif

// the loader looks for this digest in the file
extern "C" const char lanes_source[] = SOURCE;

extern "C" const char *lanes_compiler() {
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "GCC " __VERSION__;
#endif
}
