// Training of many small networks side by side: every member of a population in a lane of its own.
//
// The innermost axis of every array is the member, and it is exactly one vector register wide. A
// lane therefore does what a scalar program for its member would do, operation by operation, and
// nothing that is computed for one member depends on another. The file is compiled without
// contraction (no fused multiply-add) and without reassociation, and calls no mathematical library:
// exp, log and tanh are polynomials below; +, -, *, / and the square root are rounded as IEEE 754
// says. So the bits of a result depend on nothing but the order of operations written here: neither
// on the width of the register, nor on the instruction set, the compiler or the company.
//
// Compiled once for each width, with the macros
//   LANES    members side by side: 16 (AVX-512), 8 (AVX2) or 4 (SSE, NEON)
//   REAL     float, or double for tests
//   SUFFIX   what the name of every exported function ends with, such as _16
//
// Index conventions. L = LANES. `V` is a register: one number for each of L members.
//   parameters, gradients, m, s   [P] V        P parameters of a member, flat
//   features                      [B][F] V     B samples; the F features of a sample are those of
//                                              its map: [height][width][channels], channels last
//   weights of a dense layer      [in][out]
//   weights of a convolution      [kernel_height][kernel_width][in][out]
//   weights of a local layer      [height_out][width_out] of those of a convolution
//   samples of a dataset          [N][F] scalar, shared by all members
// A layer of one dimension has height 1, a dense layer is a convolution over a map of 1 x 1.
//
// Order of sums. A sum over the inputs of a unit starts from its bias and takes the inputs as they
// lie in memory; one over the outputs (for the gradient by the input) and one over a layer's rows
// start from zero. A sum over the samples of a batch takes them in the blocks that the network asks
// for, one over rows for batch normalisation in blocks of BLOCK: each block starts from zero, and
// the blocks are added in order. Losses are added up in double.

#include <stdint.h>
#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define EXPORT(name) extern "C" __attribute__((visibility("default"))) void JOIN(name, SUFFIX)
#define INLINE static inline __attribute__((always_inline))

namespace {

constexpr int L = LANES;
constexpr bool IS_DOUBLE = sizeof(REAL) == 8;
template <bool> struct Word { typedef int32_t type; };
template <> struct Word<true> { typedef int64_t type; };
typedef int64_t Int;
typedef REAL real;
typedef Word<IS_DOUBLE>::type word; // an integer as wide as `real`
typedef real V __attribute__((vector_size(sizeof(real) * LANES)));
typedef word M __attribute__((vector_size(sizeof(real) * LANES))); // integers, or masks of 0 and -1
typedef double D __attribute__((vector_size(sizeof(double) * LANES)));
typedef real Q __attribute__((vector_size(sizeof(real) * 4))); // a quarter, or all, of a register

// Rows that batch normalisation sums before they are added to what was summed so far.
constexpr Int BLOCK = 32;
// Registers that the part of a gradient may take that is summed before parameters are updated.
constexpr Int PANEL = 1024;

// ======== Functions, one number a lane

INLINE V all(double x) { return V{} + (real)x; }
INLINE V choose(M mask, V yes, V no) { return mask ? yes : no; }
INLINE V larger(V a, V b) { return choose(a < b, b, a); } // a where one is not a number
INLINE V smaller(V a, V b) { return choose(a > b, b, a); }

INLINE V root(V x) {
#if defined(__clang__) && __clang_major__ >= 17
    return __builtin_elementwise_sqrt(x);
#else
    V y;
    for (int l = 0; l < L; l++)
        y[l] = IS_DOUBLE ? (real)__builtin_sqrt(x[l]) : __builtin_sqrtf(x[l]);
    return y;
#endif
}

INLINE M bits(V x) {
    M m;
    memcpy(&m, &x, sizeof m);
    return m;
}

INLINE V number(M m) {
    V x;
    memcpy(&x, &m, sizeof x);
    return x;
}

constexpr int MANTISSA = IS_DOUBLE ? 52 : 23;
constexpr int BIAS = IS_DOUBLE ? 1023 : 127;
constexpr double LOG2E = 1.4426950408889634;
// ln 2 in two parts; products of the first with small integers are exact
constexpr double LN2_HIGH = IS_DOUBLE ? 0.693147180369123816490 : 0.693359375;
constexpr double LN2_LOW = IS_DOUBLE ? 1.90821492927058770002e-10 : -2.12194440054690583e-4;
constexpr double EXP_MOST = IS_DOUBLE ? 709.0 : 88.0, EXP_LEAST = IS_DOUBLE ? -708.0 : -87.0;
constexpr int EXP_TERMS = IS_DOUBLE ? 13 : 7, LOG_TERMS = IS_DOUBLE ? 11 : 4;

struct InverseFactorials {
    double of[16];
    constexpr InverseFactorials() : of() {
        double factorial = 1;
        for (int k = 0; k < 16; k++, factorial *= k) of[k] = 1 / factorial;
    }
};
constexpr InverseFactorials INVERSE_FACTORIALS;

struct Power { V scale, rest; }; // exp(x) = scale * (1 + rest), scale a power of two

// x within EXP_LEAST and EXP_MOST. x = n ln 2 + r with |r| <= ln 2 / 2, and a Taylor series in r.
INLINE Power power(V x) {
    const V magic = all(IS_DOUBLE ? 6755399441055744.0 : 12582912.0); // 1.5 * 2^MANTISSA
    V shifted = x * (real)LOG2E + magic; // its last bits are the integer n
    V n = shifted - magic;
    V r = x - n * (real)LN2_HIGH - n * (real)LN2_LOW;
    V sum = all(INVERSE_FACTORIALS.of[EXP_TERMS]);
#pragma GCC unroll 16
    for (int k = EXP_TERMS - 1; k > 0; k--) sum = sum * r + (real)INVERSE_FACTORIALS.of[k];
    M exponent = bits(shifted) - bits(magic) + BIAS;
    return {number(exponent << MANTISSA), sum * r};
}

// Relative error below 2e-7 (double: 5e-16). Zero below EXP_LEAST; exp(EXP_MOST) above EXP_MOST.
// What is not a number stays so, here and below.
INLINE V exponential(V x) {
    Power p = power(larger(smaller(x, all(EXP_MOST)), all(EXP_LEAST)));
    return choose(x < all(EXP_LEAST), V{}, p.scale + p.scale * p.rest);
}

// Relative error below 4e-7 (double: 1e-15), from (exp(2x) - 1) / (exp(2x) + 1), uncancelled.
INLINE V hyperbolic_tangent(V x) {
    const V bound = all(IS_DOUBLE ? 20.0 : 9.5); // beyond it the value is 1 to rounding
    Power p = power(2 * larger(smaller(x, bound), -bound));
    V less_one = p.scale * p.rest + (p.scale - 1);
    return less_one / (less_one + 2);
}

// Relative error below 2e-7 (double: 6e-16); its gradient stays finite.
INLINE V logistic(V x) { return 1 / (1 + exponential(-larger(x, all(EXP_LEAST / 2)))); }

// Of positive normal numbers; error below 1e-7 (1 + |log x|) (double: 3e-16). x = 2^n y with
// y from 0.7 to 1.41, and the series of the area tangent of f = (y - 1) / (y + 1).
INLINE V logarithm(V x) {
    const real least = (real)0.70710678118654752;
    M raw = bits(x) - bits(all(least));
    M n = raw >> MANTISSA;
    V y = number(bits(x) - (n << MANTISSA));
    V f = (y - 1) / (y + 1), square = f * f;
    V sum = all(1.0 / (2 * LOG_TERMS + 1));
#pragma GCC unroll 16
    for (int k = LOG_TERMS - 1; k > 0; k--) sum = sum * square + (real)(1.0 / (2 * k + 1));
    V whole = __builtin_convertvector(n, V);
    V tail = 2 * f * square * sum + whole * (real)LN2_LOW;
    return whole * (real)LN2_HIGH + (2 * f + tail);
}

// ======== Sums of products: what all layers with weights do, forward and backward

// Products of the two factors' sides from which copies are worth their cost, and the copies' sides.
constexpr Int LARGE = 2048, ROWS = 32, DEPTH = 64;

INLINE Int least(Int a, Int b) { return a < b ? a : b; }

struct Axis { Int n, a, b; }; // summands along it, and the steps from one to the next

// c[i, j] = start[i, j] + sum over three axes of a[i, ...] * b[j, ...], for rows i and columns j.
// Numbers after the arrays are steps from one row or column to the next, in registers.
struct Product {
    Int rows, columns;
    Axis inner, middle, outer;
    const V *a; Int a_row;
    const V *b; Int b_column;
    V *c; Int c_row, c_column;
    const V *start; Int start_row, start_column; // null: zero
};

// R x C sums stay in registers while their products are added.
template <int R, int C> INLINE void tile(const Product &p, Int i, Int j) {
    V sum[R][C];
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++)
            sum[r][c] = p.start ? p.start[(i + r) * p.start_row + (j + c) * p.start_column] : V{};
    const V *a2 = p.a + i * p.a_row, *b2 = p.b + j * p.b_column;
    for (Int o = 0; o < p.outer.n; o++, a2 += p.outer.a, b2 += p.outer.b) {
        const V *a1 = a2, *b1 = b2;
        for (Int m = 0; m < p.middle.n; m++, a1 += p.middle.a, b1 += p.middle.b) {
            const V *a = a1, *b = b1;
            for (Int k = 0; k < p.inner.n; k++, a += p.inner.a, b += p.inner.b) {
                V right[C];
#pragma GCC unroll 8
                for (int c = 0; c < C; c++) right[c] = b[c * p.b_column];
#pragma GCC unroll 8
                for (int r = 0; r < R; r++) {
                    V left = a[r * p.a_row];
#pragma GCC unroll 8
                    for (int c = 0; c < C; c++) sum[r][c] += left * right[c];
                }
            }
        }
    }
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++) p.c[(i + r) * p.c_row + (j + c) * p.c_column] = sum[r][c];
}

template <int R, int C> static void strip(const Product &p, Int i) {
    Int j = 0;
    for (; j + C <= p.columns; j += C) tile<R, C>(p, i, j);
    if constexpr (C > 4)
        for (; j + 4 <= p.columns; j += 4) tile<R, 4>(p, i, j);
    if constexpr (C > 2)
        for (; j + 2 <= p.columns; j += 2) tile<R, 2>(p, i, j);
    for (; j < p.columns; j++) tile<R, 1>(p, i, j);
}

// The same for large matrices of one axis: parts of them are copied to where they are read, which
// then lie side by side in the cache. Sums go on from part to part in the same order.
template <int WIDE> void multiply_copies(const Product &p, Int rows, Int columns) {
    alignas(sizeof(V)) V left[ROWS * DEPTH], right[DEPTH * WIDE];
    for (Int k = 0; k < p.inner.n; k += DEPTH)
        for (Int top = 0; top < rows; top += ROWS) {
            const Int depth = least(DEPTH, p.inner.n - k), high = least(ROWS, rows - top);
            const V *a = p.a + top * p.a_row + k * p.inner.a, *b = p.b + k * p.inner.b;
            for (Int i = 0; i < high; i++)
                for (Int m = 0; m < depth; m++)
                    left[(i / 4 * depth + m) * 4 + i % 4] = a[i * p.a_row + m * p.inner.a];
            for (Int j = 0; j < columns; j += WIDE) {
                for (Int m = 0; m < depth; m++)
                    for (Int c = 0; c < WIDE; c++)
                        right[m * WIDE + c] = b[m * p.inner.b + (j + c) * p.b_column];
                Product part = p;
                part.inner = {depth, 4, WIDE}, part.a_row = part.b_column = 1, part.b = right;
                if (k) part.start = p.c, part.start_row = p.c_row, part.start_column = p.c_column;
                for (Int i = 0; i < high; i += 4) {
                    Product here = part;
                    here.a = left + i * depth, here.c += (top + i) * p.c_row + j * p.c_column;
                    const Int from = (top + i) * here.start_row + j * here.start_column;
                    if (here.start) here.start += from;
                    tile<4, WIDE>(here, 0, 0);
                }
            }
        }
}

void multiply(Product p) {
    // the longest loop that can be is the inner one
    for (int times = 0; times < 2 && p.inner.n == 1; times++) {
        p.inner = p.middle;
        p.middle = p.outer;
        p.outer = {1, 0, 0};
    }
    constexpr int WIDE = L == 16 ? 4 : 2; // AVX-512 has twice as many registers
    const bool is_single = p.middle.n == 1 && p.outer.n == 1;
    if (is_single && p.rows >= 8 && p.columns >= 8 && p.inner.n * p.columns >= LARGE) {
        const Int rows = p.rows / 4 * 4, columns = p.columns / WIDE * WIDE;
        multiply_copies<WIDE>(p, rows, columns);
        Product rest = p;
        rest.rows = rows, rest.columns = p.columns - columns;
        rest.b += columns * p.b_column, rest.c += columns * p.c_column;
        if (p.start) rest.start += columns * p.start_column;
        for (Int i = 0; rest.columns && i < rows; i += 4) strip<4, 1>(rest, i);
        for (Int i = rows; i < p.rows; i++) strip<1, 8>(p, i);
        return;
    }
    Int i = 0;
    for (; i + 4 <= p.rows; i += 4) strip<4, WIDE>(p, i);
    for (; i + 2 <= p.rows; i += 2) strip<2, 4>(p, i);
    for (; i < p.rows; i++) strip<1, 8>(p, i);
}

// Sum a function of row and column over the rows, in blocks of BLOCK, for each column.
template <class F> INLINE void sum_rows(Int rows, Int columns, V *sums, F value) {
    for (Int j = 0; j < columns; j++) {
        V total{};
        for (Int start = 0; start < rows; start += BLOCK) {
            Int stop = start + BLOCK < rows ? start + BLOCK : rows;
            V sum{};
            for (Int i = start; i < stop; i++) sum += value(i * columns + j, j);
            total = start ? total + sum : sum;
        }
        sums[j] = total;
    }
}

// ======== The update rule

// Numbers of one update of one member, as `unstuck.optim.coefficients.Terms` names them.
enum { L2, DECAY, KEEP_S, TAKE_S, ROOT, FLOOR, KEEP_M, TAKE_M, OF_M, OF_U, SCALE, EARLY, TERMS };
// Parts of the rule that some member of the register needs. A part changes nothing for a member
// that does not: it then multiplies by one, divides by one or adds zero.
enum { HAS_L2 = 1, HAS_DECAY = 2, HAS_SQUARES = 4, HAS_EARLY = 8, HAS_MOMENTUM = 16 };
enum { HAS_GRADIENT = 32 }; // a step along the gradient too, or alone

struct Step { V of[TERMS], keep, size; M early; };

template <int PARTS>
static void update(Int n, V *theta, V *momentum, V *squares, const V *gradient, const Step &t) {
    for (Int k = 0; k < n; k++) {
        V g = gradient[k], sigma{};
        if constexpr (PARTS & HAS_L2) g += t.of[L2] * theta[k];
        if constexpr (PARTS & HAS_SQUARES) {
            V s = t.of[KEEP_S] * squares[k] + t.of[TAKE_S] * g * g;
            squares[k] = s;
            sigma = t.of[ROOT] * root(s) + t.of[FLOOR];
        }
        V u = g;
        if constexpr (PARTS & HAS_EARLY) {
            u = choose(t.early, g / sigma, g);
            sigma = choose(t.early, all(1), sigma);
        }
        V d = u;
        if constexpr (PARTS & HAS_MOMENTUM) {
            V m = t.of[KEEP_M] * momentum[k] + t.of[TAKE_M] * u;
            momentum[k] = m;
            d = t.of[OF_M] * m;
            if constexpr (PARTS & HAS_GRADIENT) d += t.of[OF_U] * u;
        }
        V moved = t.size * d;
        if constexpr (PARTS & HAS_SQUARES) moved = moved / sigma;
        V kept = theta[k];
        if constexpr (PARTS & HAS_DECAY) kept = t.keep * kept;
        theta[k] = kept - moved;
    }
}

typedef void (*Update)(Int, V *, V *, V *, const V *, const Step &);
template <int PARTS> struct Updates {
    static Update find(int parts) {
        return parts == PARTS ? update<PARTS> : Updates<PARTS - 1>::find(parts);
    }
};
template <> struct Updates<-1> {
    static Update find(int) { return nullptr; }
};

// ======== Networks

enum Kind : Int { CONVOLUTION, LOCAL, BATCHNORM, TANH, RELU, SIGMOID, MEAN };
enum Loss : Int { CROSS_ENTROPY, SQUARED_ERROR, SOFTMAX_SQUARED_ERROR, CLASS_NUMBER };

} // namespace

// What the caller hands over; `unstuck.lanes.network` mirrors it field by field.
extern "C" {

typedef struct {
    int64_t kind;
    int64_t height_in, width_in, in;    // of its input map
    int64_t height_out, width_out, out; // of its output map
    int64_t kernel_height, kernel_width, stride, pad_height, pad_width;
    int64_t parameters; // where its weights start: weights, then bias; gamma, then beta
    int64_t buffers;    // where its running mean and then its running variance start
    int64_t noise;      // where factors and then shifts start in the noise of an update; -1: none
} Layer;

typedef struct {
    const Layer *layers;
    int64_t layer_count, parameters, noise, loss, classes;
    int64_t block; // samples that are summed, and go through the network, together
    double bn_momentum, bn_epsilon;
} Net;

// Samples, and where those of each member start: members may train on splits of their own.
typedef struct {
    const REAL *x;    // [N][features]
    const int32_t *y; // [N]
    const int64_t *offsets; // [L] first row of each member's part
} Part;

// L members under training.
typedef struct {
    REAL *theta, *momentum, *squares; // [P][L]
    REAL *buffers;                    // [Q][L]
} Members;

typedef struct {
    int64_t count;                // updates
    const int64_t *sizes;         // [count] samples of each batch
    const int32_t *const *orders; // [L] rows of the samples of all these batches; null: 0, 1, ...
    const REAL *const *terms;     // [L] -> [count][TERMS]
    const REAL *rates;            // [count][L]
    const REAL *noise;            // [count][noise][L]
    int64_t parts;                // of the update rule that some member needs
} Stretch;

} // extern "C"

namespace {

INLINE Int places_in(const Layer &l) { return l.height_in * l.width_in; }
INLINE Int places_out(const Layer &l) { return l.height_out * l.width_out; }
INLINE Int padded_height(const Layer &l) { return l.height_in + 2 * l.pad_height; }
INLINE Int padded_width(const Layer &l) { return l.width_in + 2 * l.pad_width; }
INLINE Int padded_size(const Layer &l) { return padded_height(l) * padded_width(l) * l.in; }
INLINE Int input_size(const Layer &l) { return places_in(l) * l.in; }
INLINE Int output_size(const Layer &l) { return places_out(l) * l.out; }
INLINE Int patch_size(const Layer &l) { return l.kernel_height * l.kernel_width * l.in; }
INLINE Int largest(Int a, Int b) { return a > b ? a : b; }
INLINE bool has_weights(const Layer &l) { return l.kind <= LOCAL; }
INLINE bool is_padded(const Layer &l) { return has_weights(l) && (l.pad_height || l.pad_width); }
INLINE bool is_activation(const Layer &l) { return l.kind >= TANH && l.kind <= SIGMOID; }

constexpr int MOST_LAYERS = 256;

// Where everything of a pass lies that takes `samples` at a time.
struct Workspace {
    V *input[MOST_LAYERS + 1]; // of each layer; the last is the network's output
    V *kept[MOST_LAYERS];      // input of a layer with zeros around its maps; normalised features
    V *inverse[MOST_LAYERS];   // 1 / standard deviation, of batch normalisation
    V *flow, *other;           // gradients between layers
    V *gradient;               // [P], of a batch of more than one block
    V *panel;                  // part of a gradient
    Int registers;         // all of it
};

Workspace lay_out(const Net &net, Int samples, V *memory) {
    Workspace w{};
    Int at = 0, widest = 0, panel = PANEL;
    auto take = [&](Int n) {
        at += n;
        return memory ? memory + (at - n) : nullptr;
    };
    w.input[0] = take(samples * input_size(net.layers[0]));
    for (Int k = 0; k < net.layer_count; k++) {
        const Layer &l = net.layers[k];
        widest = largest(widest, output_size(l));
        widest = largest(widest, has_weights(l) ? padded_size(l) : input_size(l));
        if (is_padded(l)) w.kept[k] = take(samples * padded_size(l));
        if (l.kind == BATCHNORM) {
            w.inverse[k] = take(l.out);
            w.kept[k] = take(samples * input_size(l));
        }
        // an activation overwrites what it is given
        w.input[k + 1] = is_activation(l) ? w.input[k] : take(samples * output_size(l));
        panel = largest(panel, largest(4 * l.out, 2 * output_size(l)));
    }
    w.flow = take(samples * widest);
    w.other = take(samples * widest);
    w.gradient = take(net.parameters);
    w.panel = take(2 * panel);
    w.registers = at;
    return w;
}

bool has_batchnorm(const Net &net) {
    for (Int k = 0; k < net.layer_count; k++)
        if (net.layers[k].kind == BATCHNORM) return true;
    return false;
}

// Samples that go through the network together: a block, but with batch normalisation the batch.
Int together(const Net &net, Int batch) {
    return has_batchnorm(net) ? batch : least(batch, net.block);
}

// What is done with a gradient, part by part, as soon as it is summed.
struct Sink {
    V *gradient;   // [P], summed over the blocks so far
    bool is_first; // the first block of a batch
    bool is_last;
    Update update; // null: the gradient is kept
    const Step *step;
    V *theta, *momentum, *squares;

    void take(Int at, Int n, V *part) const {
        if (!is_first)
            for (Int k = 0; k < n; k++) part[k] = gradient[at + k] + part[k];
        if (is_last && update)
            update(n, theta + at, momentum + at, squares + at, part, *step);
        else
            memcpy(gradient + at, part, n * sizeof(V));
    }
};

// -- layers with weights. The window at (y, x) of a map sees, in each of its kernel_height rows,
//    kernel_width * in numbers that lie side by side, in the map as in the weights.

struct Window { Int row, step_y, step_x, run; }; // of a padded map

INLINE Window window(const Layer &l) {
    Int row = padded_width(l) * l.in;
    return {row, l.stride * row, l.stride * l.in, l.kernel_width * l.in};
}

// Call `copy` with each row of each map: where it is, where it is with zeros around, its length.
template <class F> INLINE void each_row(const Layer &l, Int samples, F copy) {
    Int width = l.width_in * l.in, row = padded_width(l) * l.in, margin = l.pad_width * l.in;
    for (Int b = 0; b < samples; b++)
        for (Int y = 0; y < l.height_in; y++)
            copy((b * l.height_in + y) * width,
                 b * padded_size(l) + (y + l.pad_height) * row + margin, width * sizeof(V));
}

void pad(const Layer &l, Int samples, const V *from, V *to) {
    memset((void *)to, 0, samples * padded_size(l) * sizeof(V));
    each_row(l, samples, [&](Int plain, Int padded, size_t bytes) {
        memcpy(to + padded, from + plain, bytes);
    });
}

void crop(const Layer &l, Int samples, const V *from, V *to) {
    each_row(l, samples, [&](Int plain, Int padded, size_t bytes) {
        memcpy(to + plain, from + padded, bytes);
    });
}

// out[b, y, x, :] = bias + sum over the window of x * weights
void weigh(const Layer &l, Int samples, const V *x, const V *theta, V *out) {
    const Window w = window(l);
    const V *weights = theta + l.parameters;
    const Axis along{w.run, 1, l.out}, rows{l.kernel_height, w.row, w.run * l.out}, none{1, 0, 0};
    if (l.kind == LOCAL) { // rows are samples, one place after another
        const V *bias = weights + places_out(l) * patch_size(l) * l.out;
        for (Int p = 0; p < places_out(l); p++)
            multiply({samples, l.out, along, rows, none,
                      x + p / l.width_out * w.step_y + p % l.width_out * w.step_x, padded_size(l),
                      weights + p * patch_size(l) * l.out, 1,
                      out + p * l.out, output_size(l), 1, bias + p * l.out, 0, 1});
        return;
    }
    const V *bias = weights + patch_size(l) * l.out;
    if (places_out(l) == 1) {
        multiply({samples, l.out, along, rows, none, x, padded_size(l), weights, 1,
                  out, l.out, 1, bias, 0, 1});
        return;
    }
    for (Int b = 0; b < samples; b++) // rows are places along x
        for (Int y = 0; y < l.height_out; y++)
            multiply({l.width_out, l.out, along, rows, none,
                      x + b * padded_size(l) + y * w.step_y, w.step_x, weights, 1,
                      out + b * output_size(l) + y * l.width_out * l.out, l.out, 1, bias, 0, 1});
}

// Gradient by the input, of its padded maps: gx = sum over windows and outputs of g * weights
void weigh_back(const Layer &l, Int samples, const V *g, const V *theta, V *gx) {
    const Window w = window(l);
    const V *weights = theta + l.parameters;
    const Axis outputs{l.out, 1, 1}, none{1, 0, 0};
    if (places_out(l) == 1 && patch_size(l) == padded_size(l)) {
        multiply({samples, w.run * l.kernel_height, outputs, none, none, g, l.out, weights, l.out,
                  gx, padded_size(l), 1, nullptr, 0, 0});
        return;
    }
    memset((void *)gx, 0, samples * padded_size(l) * sizeof(V));
    if (l.kind == LOCAL) {
        for (Int p = 0; p < places_out(l); p++)
            for (Int ky = 0; ky < l.kernel_height; ky++) {
                V *to = gx + p / l.width_out * w.step_y + p % l.width_out * w.step_x + ky * w.row;
                multiply({samples, w.run, outputs, none, none, g + p * l.out, output_size(l),
                          weights + (p * patch_size(l) + ky * w.run) * l.out, l.out,
                          to, padded_size(l), 1, to, padded_size(l), 1});
            }
        return;
    }
    for (Int b = 0; b < samples; b++)
        for (Int y = 0; y < l.height_out; y++)
            for (Int ky = 0; ky < l.kernel_height; ky++)
                for (Int kx = 0; kx < l.kernel_width; kx++) {
                    V *to = gx + b * padded_size(l) + y * w.step_y + ky * w.row + kx * l.in;
                    multiply({l.width_out, l.in, outputs, none, none,
                              g + b * output_size(l) + y * l.width_out * l.out, l.out,
                              weights + (ky * l.kernel_width + kx) * l.in * l.out, l.out,
                              to, w.step_x, 1, to, w.step_x, 1});
                }
}

// Sums a product over blocks of samples into `panel`, which has room for two results.
template <class F>
INLINE void over_blocks(Int block, Int samples, Int n, V *panel, F product) {
    product(0, least(block, samples), panel);
    for (Int start = block; start < samples; start += block) {
        V *more = panel + n;
        product(start, least(block, samples - start), more);
        for (Int k = 0; k < n; k++) panel[k] += more[k];
    }
}

// Gradient by weights and biases: sum over samples and places of x * g
void weigh_gradients(const Layer &l, Int block, Int samples, const V *x, const V *g, V *panel,
                     const Sink &sink) {
    const Window w = window(l);
    const Int strip = w.run < 4 ? w.run : largest(4, PANEL / l.out / 4 * 4);
    const bool is_local = l.kind == LOCAL;
    const Int places = is_local ? places_out(l) : 1;
    for (Int p = 0; p < places; p++) {
        const V *xp = is_local ? x + p / l.width_out * w.step_y + p % l.width_out * w.step_x : x;
        const V *gp = g + (is_local ? p * l.out : 0);
        Axis along{1, 0, 0}, down{1, 0, 0};
        if (!is_local) {
            along = {l.width_out, w.step_x, l.out};
            down = {l.height_out, w.step_y, l.width_out * l.out};
        }
        for (Int ky = 0; ky < l.kernel_height; ky++)
            for (Int i = 0; i < w.run; i += strip) {
                Int rows = least(strip, w.run - i), at = (p * l.kernel_height + ky) * w.run + i;
                over_blocks(block, samples, rows * l.out, panel, [&](Int start, Int count, V *to) {
                    multiply({rows, l.out, along, down, {count, padded_size(l), output_size(l)},
                              xp + start * padded_size(l) + ky * w.row + i, 1,
                              gp + start * output_size(l), 1, to, l.out, 1, nullptr, 0, 0});
                });
                sink.take(l.parameters + at * l.out, rows * l.out, panel);
            }
    }
    Int bias = l.parameters + places * patch_size(l) * l.out;
    Int columns = is_local ? output_size(l) : l.out;
    over_blocks(block, samples, columns, panel, [&](Int start, Int count, V *to) {
        const V *from = g + start * output_size(l);
        for (Int j = 0; j < columns; j++) {
            V sum{};
            for (Int i = 0; i < count * output_size(l) / columns; i++) sum += from[i * columns + j];
            to[j] = sum;
        }
    });
    sink.take(bias, columns, panel);
}

// -- batch normalisation (Ioffe & Szegedy 2015), over samples and places, as torch's

void normalise(const Net &net, const Layer &l, Int rows, const V *x, const V *theta, V *running,
               const V *noise, V *normal, V *inverse, V *out, bool is_training, bool moves) {
    const Int C = l.out;
    const V *gamma = theta + l.parameters, *beta = gamma + C;
    V *mean = running + l.buffers, *variance = mean + C;
    const V epsilon = all(net.bn_epsilon);
    if (is_training) {
        const real momentum = (real)net.bn_momentum, share = (real)rows;
        V *sums = out; // not yet in use
        sum_rows(rows, C, sums, [&](Int k, Int) { return x[k]; });
        for (Int j = 0; j < C; j++) {
            V centre = sums[j] / share;
            for (Int i = 0; i < rows; i++) normal[i * C + j] = x[i * C + j] - centre;
            if (moves) mean[j] += momentum * (centre - mean[j]);
        }
        sum_rows(rows, C, inverse, [&](Int k, Int) { return normal[k] * normal[k]; });
        for (Int j = 0; j < C; j++) {
            V biased = inverse[j] / share;
            if (moves && rows > 1) {
                V unbiased = biased * (real)((double)rows / (double)(rows - 1));
                variance[j] += momentum * (unbiased - variance[j]);
            }
            inverse[j] = 1 / root(biased + epsilon);
        }
    } else {
        for (Int j = 0; j < C; j++) inverse[j] = 1 / root(variance[j] + epsilon);
        for (Int i = 0; i < rows; i++)
            for (Int j = 0; j < C; j++) normal[i * C + j] = x[i * C + j] - mean[j];
    }
    for (Int i = 0; i < rows; i++)
        for (Int j = 0; j < C; j++) {
            V scaled = normal[i * C + j] * inverse[j];
            normal[i * C + j] = scaled;
            V y = scaled * gamma[j] + beta[j];
            out[i * C + j] = noise ? y * noise[l.noise + j] + noise[l.noise + C + j] : y;
        }
}

// `g` becomes the gradient by the input; its sums over the rows go to `panel`.
void normalise_back(const Layer &l, Int rows, const V *normal, const V *inverse, const V *theta,
                    const V *noise, V *g, V *panel) {
    const Int C = l.out;
    const V *gamma = theta + l.parameters;
    if (noise)
        for (Int i = 0; i < rows; i++)
            for (Int j = 0; j < C; j++) g[i * C + j] *= noise[l.noise + j];
    sum_rows(rows, C, panel, [&](Int k, Int) { return g[k] * normal[k]; });
    sum_rows(rows, C, panel + C, [&](Int k, Int) { return g[k]; });
    for (Int j = 0; j < C; j++) {
        V by_gamma = panel[j] / (real)rows, by_beta = panel[C + j] / (real)rows;
        V scale = gamma[j] * inverse[j];
        for (Int i = 0; i < rows; i++)
            g[i * C + j] = (g[i * C + j] - by_beta - normal[i * C + j] * by_gamma) * scale;
    }
}

// -- layers without weights

void activate(const Layer &l, Int n, V *x) {
    if (l.kind == TANH)
        for (Int k = 0; k < n; k++) x[k] = hyperbolic_tangent(x[k]);
    else if (l.kind == RELU)
        for (Int k = 0; k < n; k++) x[k] = choose(x[k] < 0, V{}, x[k]);
    else
        for (Int k = 0; k < n; k++) x[k] = logistic(x[k]);
}

void activate_back(const Layer &l, Int n, const V *y, V *g) {
    if (l.kind == TANH)
        for (Int k = 0; k < n; k++) g[k] *= 1 - y[k] * y[k];
    else if (l.kind == RELU)
        for (Int k = 0; k < n; k++) g[k] = choose(y[k] > 0, g[k], V{});
    else
        for (Int k = 0; k < n; k++) g[k] *= y[k] * (1 - y[k]);
}

void pool(const Layer &l, Int samples, const V *x, V *out) {
    for (Int b = 0; b < samples; b++)
        for (Int c = 0; c < l.out; c++) {
            V sum{};
            for (Int p = 0; p < places_in(l); p++) sum += x[b * input_size(l) + p * l.in + c];
            out[b * l.out + c] = sum / (real)places_in(l);
        }
}

void pool_back(const Layer &l, Int samples, const V *g, V *gx) {
    for (Int b = 0; b < samples; b++)
        for (Int c = 0; c < l.out; c++) {
            V share = g[b * l.out + c] / (real)places_in(l);
            for (Int p = 0; p < places_in(l); p++) gx[b * input_size(l) + p * l.in + c] = share;
        }
}

// ======== Losses: of each sample, with the gradient of their mean in place of the outputs

// Softmax of `outputs` in `to`; returns log(sum(exp(outputs - max))) and the maximum in `most`.
INLINE V softmax(Int n, const V *outputs, V *to, V &most) {
    most = outputs[0];
    for (Int c = 1; c < n; c++) most = larger(outputs[c], most);
    V sum{};
    for (Int c = 0; c < n; c++) sum += to[c] = exponential(outputs[c] - most);
    for (Int c = 0; c < n; c++) to[c] /= sum;
    return logarithm(sum);
}

// The mean is over so many samples.
INLINE V lose(const Net &net, Int n, V *out, M y, real samples) {
    V value{}, inner{};
    switch (net.loss) {
    case CROSS_ENTROPY: {
        V chosen{}, most;
        for (Int c = 0; c < n; c++) chosen = choose(y == (word)c, out[c], chosen);
        V total = softmax(n, out, out, most);
        for (Int c = 0; c < n; c++)
            out[c] = (out[c] - choose(y == (word)c, all(1), V{})) / samples;
        return total - (chosen - most);
    }
    case SQUARED_ERROR:
        for (Int c = 0; c < n; c++) {
            V error = out[c] - choose(y == (word)c, all(1), V{});
            value += error * error;
            out[c] = error / samples;
        }
        return value / 2;
    case SOFTMAX_SQUARED_ERROR: {
        V most;
        softmax(n, out, out, most);
        for (Int c = 0; c < n; c++) {
            V error = out[c] - choose(y == (word)c, all(1), V{});
            value += error * error;
            inner += out[c] * error;
        }
        for (Int c = 0; c < n; c++) {
            V error = out[c] - choose(y == (word)c, all(1), V{});
            out[c] = out[c] * ((error - inner) / samples);
        }
        return value / 2;
    }
    default: { // CLASS_NUMBER
        V error = out[0] - __builtin_convertvector(y, V);
        out[0] = error / samples;
        return error * error / 2;
    }
    }
}

// -1 where the sample is put into its class: the largest output, the first if tied. A sample with
// an output that is not a number is never correct.
INLINE M is_correct(const Net &net, Int n, const V *out, M y) {
    if (net.loss == CLASS_NUMBER) { // the nearest class number, ties to the even one
        const V magic = all(IS_DOUBLE ? 6755399441055744.0 : 12582912.0);
        V nearest = larger(smaller(out[0], all((double)(net.classes - 1))), V{}) + magic - magic;
        return (nearest == __builtin_convertvector(y, V)) & (out[0] == out[0]);
    }
    V best = out[0];
    M winner{}, sound = out[0] == out[0];
    for (Int c = 1; c < n; c++) {
        M better = out[c] > best;
        best = choose(better, out[c], best);
        winner = better ? M{} + (word)c : winner;
        sound &= out[c] == out[c];
    }
    return (winner == y) & sound;
}

// ======== Passes

#define SHUFFLE __builtin_shufflevector // of clang, and of GCC from 12 on

INLINE Q load(const real *p) {
    Q q;
    memcpy(&q, p, sizeof q);
    return q;
}

// to[i][l] = rows[l][i]
void transpose(Int n, const real *const *rows, V *to) {
    bool is_shared = true;
    for (int l = 1; l < L; l++) is_shared &= rows[l] == rows[0];
    if (is_shared) {
        for (Int i = 0; i < n; i++) to[i] = V{} + rows[0][i];
        return;
    }
    for (int l = 0; l < L; l += 4) { // four members and four features at a time
        real *out = (real *)to + l;
        Int i = 0;
        for (; i + 4 <= n; i += 4) {
            Q a = load(rows[l] + i), b = load(rows[l + 1] + i);
            Q c = load(rows[l + 2] + i), d = load(rows[l + 3] + i);
            Q ab = SHUFFLE(a, b, 0, 4, 1, 5), cd = SHUFFLE(c, d, 0, 4, 1, 5);
            Q AB = SHUFFLE(a, b, 2, 6, 3, 7), CD = SHUFFLE(c, d, 2, 6, 3, 7);
            Q column[4] = {SHUFFLE(ab, cd, 0, 1, 4, 5), SHUFFLE(ab, cd, 2, 3, 6, 7),
                           SHUFFLE(AB, CD, 0, 1, 4, 5), SHUFFLE(AB, CD, 2, 3, 6, 7)};
            for (int k = 0; k < 4; k++) memcpy(out + (i + k) * L, column + k, sizeof(Q));
        }
        for (; i < n; i++)
            for (int k = 0; k < 4; k++) out[i * L + k] = rows[l + k][i];
    }
}

struct Batch { Int samples; const int32_t *const *orders; Int start, step; };

// Row of the dataset of sample b of a batch, for one member.
INLINE Int row_of(const Part &part, const Batch &batch, Int b, int l) {
    Int at = batch.start + b * batch.step;
    return part.offsets[l] + (batch.orders ? batch.orders[l][at] : at);
}

void forward(const Net &net, const Workspace &w, const Part &part, const Batch &batch,
             const V *theta, V *buffers, const V *noise, bool is_training, bool moves) {
    const Int S = batch.samples, F = input_size(net.layers[0]);
    for (Int b = 0; b < S; b++) {
        const real *rows[L];
        for (int l = 0; l < L; l++) rows[l] = part.x + row_of(part, batch, b, l) * F;
        transpose(F, rows, w.input[0] + b * F);
    }
    for (Int k = 0; k < net.layer_count; k++) {
        const Layer &l = net.layers[k];
        V *x = w.input[k], *out = w.input[k + 1];
        if (has_weights(l)) {
            if (is_padded(l)) pad(l, S, x, w.kept[k]);
            weigh(l, S, is_padded(l) ? w.kept[k] : x, theta, out);
        } else if (l.kind == BATCHNORM)
            normalise(net, l, S * places_in(l), x, theta, buffers, l.noise < 0 ? nullptr : noise,
                      w.kept[k], w.inverse[k], out, is_training, moves);
        else if (l.kind == MEAN)
            pool(l, S, x, out);
        else
            activate(l, S * output_size(l), x);
    }
}

// Losses of a batch are added to `loss`, its correct samples to `correct` (if it is not null).
void judge(const Net &net, const Workspace &w, const Part &part, const Batch &batch, real mean_over,
           D &loss, double *correct) {
    const Int n = net.layers[net.layer_count - 1].out;
    for (Int b = 0; b < batch.samples; b++) {
        M y{};
        for (int l = 0; l < L; l++) y[l] = part.y[row_of(part, batch, b, l)];
        V *out = w.input[net.layer_count] + b * n;
        if (correct) {
            M right = is_correct(net, n, out, y);
            for (int l = 0; l < L; l++) correct[l] -= (double)right[l];
        }
        loss += __builtin_convertvector(lose(net, n, out, y, mean_over), D);
    }
}

INLINE void exchange(V *&a, V *&b) {
    V *held = a;
    a = b, b = held;
}

// From the gradient by the outputs, which lies in their place, to the parameters.
void backward(const Net &net, const Workspace &w, Int S, const V *theta, const V *noise,
              const Sink &sink) {
    V *flow = w.flow, *other = w.other;
    const Int outputs = output_size(net.layers[net.layer_count - 1]);
    memcpy(flow, w.input[net.layer_count], S * outputs * sizeof(V));
    for (Int k = net.layer_count - 1; k >= 0; k--) {
        const Layer &l = net.layers[k];
        if (has_weights(l)) {
            // the input's gradient first: it is by the weights before their update
            if (k) weigh_back(l, S, flow, theta, other);
            const V *x = is_padded(l) ? w.kept[k] : w.input[k];
            weigh_gradients(l, net.block, S, x, flow, w.panel, sink);
            if (!k) return;
            if (is_padded(l))
                crop(l, S, other, flow);
            else
                exchange(flow, other);
        } else if (l.kind == BATCHNORM) {
            normalise_back(l, S * places_in(l), w.kept[k], w.inverse[k], theta,
                           l.noise < 0 ? nullptr : noise, flow, w.panel);
            sink.take(l.parameters, 2 * l.out, w.panel);
        } else if (l.kind == MEAN) {
            pool_back(l, S, flow, other);
            exchange(flow, other);
        } else
            activate_back(l, S * output_size(l), w.input[k + 1], flow);
    }
}

Step step_of(const Stretch &s, Int t) {
    Step step;
    for (int k = 0; k < TERMS; k++)
        for (int l = 0; l < L; l++) step.of[k][l] = s.terms[l][t * TERMS + k];
    V rate;
    memcpy(&rate, s.rates + t * L, sizeof rate);
    step.keep = 1 - rate * step.of[DECAY];
    step.size = rate * step.of[SCALE];
    step.early = step.of[EARLY] > 0;
    return step;
}

} // namespace

// ======== What is exported. Arrays of registers are aligned to the size of a register.

// Bytes of workspace for batches of so many samples.
EXPORT(lanes_workspace)(const Net *net, Int samples, Int *bytes) {
    *bytes = lay_out(*net, together(*net, samples), nullptr).registers * (Int)sizeof(V);
}

// Make some updates. Gives the mean loss of each batch before its update, [count][L].
EXPORT(lanes_train)(const Net *net, const Part *part, const Members *members,
                    const Stretch *stretch, REAL *losses, void *memory) {
    V *theta = (V *)members->theta, *buffers = (V *)members->buffers;
    Sink sink{};
    sink.update = Updates<63>::find((int)stretch->parts);
    sink.theta = theta, sink.momentum = (V *)members->momentum;
    sink.squares = (V *)members->squares;
    Int done = 0;
    for (Int t = 0; t < stretch->count; t++) {
        const Int size = stretch->sizes[t], chunk = together(*net, size);
        const Workspace w = lay_out(*net, chunk, (V *)memory);
        const V *noise = stretch->noise ? (const V *)stretch->noise + t * net->noise : nullptr;
        const Step step = step_of(*stretch, t);
        sink.step = &step, sink.gradient = w.gradient;
        D loss{};
        for (Int start = 0; start < size; start += chunk) {
            const Int first = stretch->orders ? done + start : start;
            const Batch batch{least(chunk, size - start), stretch->orders, first, 1};
            forward(*net, w, *part, batch, theta, buffers, noise, true, true);
            judge(*net, w, *part, batch, (real)size, loss, nullptr);
            sink.is_first = start == 0, sink.is_last = start + chunk >= size;
            backward(*net, w, batch.samples, theta, noise, sink);
        }
        done += size;
        V mean = __builtin_convertvector(loss / (double)size, V);
        memcpy(losses + t * L, &mean, sizeof mean);
    }
}

// Mean loss and share of correct samples of a whole part, [L] each, at inference; or in training,
// if the Euclidean norm [L] of the gradient of what is descended is asked for, the mean loss plus
// `l2` [L] / 2 times the squared parameters, and the gradient of the mean loss alone [P][L].
// Batch normalisation takes every `strides`-th sample together; without it `strides` is 1.
EXPORT(lanes_measure)(const Net *net, const Part *part, Int samples, Int strides,
                      REAL *theta, REAL *buffers, const double *l2, double *loss, double *correct,
                      double *norm, REAL *gradient, void *memory) {
    const bool is_training = norm, is_whole = is_training && has_batchnorm(*net);
    const Int chunk = is_whole ? (samples + strides - 1) / strides : least(net->block, samples);
    const Int passes = is_whole ? strides : (samples + chunk - 1) / chunk;
    const Workspace w = lay_out(*net, chunk, (V *)memory);
    Sink sink{};
    sink.gradient = w.gradient, sink.is_first = true;
    D total{}, squares{};
    for (int l = 0; l < L; l++) correct[l] = 0;
    for (Int pass = 0; pass < passes; pass++) {
        Batch batch{least(chunk, samples - pass * chunk), nullptr, pass * chunk, 1};
        if (is_whole) batch = {(samples - pass + strides - 1) / strides, nullptr, pass, strides};
        forward(*net, w, *part, batch, (V *)theta, (V *)buffers, nullptr, is_training, false);
        judge(*net, w, *part, batch, (real)samples, total, correct);
        if (is_training) backward(*net, w, batch.samples, (V *)theta, nullptr, sink);
        sink.is_first = false;
    }
    for (int l = 0; l < L; l++) loss[l] = total[l] / (double)samples, correct[l] /= (double)samples;
    if (!is_training) return;
    D decay;
    for (int l = 0; l < L; l++) decay[l] = l2[l];
    for (Int k = 0; k < net->parameters; k++) {
        D g = __builtin_convertvector(w.gradient[k], D);
        g = g + decay * __builtin_convertvector(((const V *)theta)[k], D);
        squares += g * g;
    }
    for (int l = 0; l < L; l++) norm[l] = __builtin_sqrt(squares[l]);
    if (gradient) memcpy(gradient, w.gradient, net->parameters * sizeof(V));
}

// Euclidean distance [L] of two points [P][L].
EXPORT(lanes_distance)(Int parameters, const REAL *from, const REAL *to, double *distance) {
    D squares{};
    for (Int k = 0; k < parameters; k++) {
        D d = __builtin_convertvector(((const V *)to)[k] - ((const V *)from)[k], D);
        squares += d * d;
    }
    for (int l = 0; l < L; l++) distance[l] = __builtin_sqrt(squares[l]);
}

// A function of n registers, by number: exp, log, tanh, logistic. For tests of its error.
EXPORT(lanes_function)(Int which, Int n, const REAL *from, REAL *to) {
    const V *x = (const V *)from;
    V *y = (V *)to;
    for (Int k = 0; k < n; k++)
        y[k] = which < 2 ? (which ? logarithm(x[k]) : exponential(x[k]))
                         : (which == 2 ? hyperbolic_tangent(x[k]) : logistic(x[k]));
}
