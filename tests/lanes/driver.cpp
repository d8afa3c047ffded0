// A program around one compilation of the kernel, for where there is no Python: it trains small
// networks with every kind of layer, loss and part of the update rule, four members of which are the
// same in every width, and prints a digest of what became of these four.
//
//   c++ -I src/unstuck/lanes -DLANES=8 -DREAL=float -DSUFFIX=_8 driver.cpp

#include "kernel.cpp"

#include <stdio.h>
#include <stdlib.h>

namespace {

constexpr int MEMBERS = 4;         // lanes beyond them repeat them
constexpr int64_t SAMPLES = 71;    // two blocks and a rest
constexpr int64_t SIZES[] = {7, 33, 1, 16, 71, 64};
constexpr int64_t UPDATES = sizeof SIZES / sizeof *SIZES;

struct Random { // Knuth's MMIX
    uint64_t state;
    uint64_t next() { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33; }
    REAL within(double bound) { return (REAL)(bound * ((double)next() / (1u << 30) - 1)); }
};

uint64_t digest = 14695981039346656037u; // FNV-1a
void note(const void *bytes, size_t count) {
    for (size_t k = 0; k < count; k++) digest = (digest ^ ((const unsigned char *)bytes)[k]) * 1099511628211u;
}

// Memory of its own for every array, so that a sanitizer sees the first byte beyond it.
template <class T> struct Array {
    T *at;
    explicit Array(int64_t count) {
        void *memory = nullptr;
        if (posix_memalign(&memory, 128, count * sizeof(T) + !count)) abort();
        at = (T *)memory;
        memset(memory, 0, count * sizeof(T));
    }
    Array(const Array &) = delete;
    ~Array() { free(at); }
    operator T *() const { return at; }
    T &operator[](int64_t k) const { return at[k]; }
};

void note_members(const REAL *rows, int64_t count) {
    for (int64_t k = 0; k < count; k++) note(rows + k * L, MEMBERS * sizeof(REAL));
}

struct Builder {
    Layer layers[16];
    int64_t count, height, width, channels, parameters, buffers, noise;

    void add(int64_t kind, int64_t height_out, int64_t width_out, int64_t out) {
        layers[count++] = {kind, height, width, channels, height_out, width_out, out, 0, 0, 0, 0, 0,
                           parameters, buffers, -1};
        height = height_out, width = width_out, channels = out;
    }
    void weigh(int64_t kind, int64_t kernel_height, int64_t kernel_width, int64_t stride, int64_t pad_height,
               int64_t pad_width, int64_t out) {
        int64_t patch = kernel_height * kernel_width * channels;
        add(kind, (height + 2 * pad_height - kernel_height) / stride + 1,
            (width + 2 * pad_width - kernel_width) / stride + 1, out);
        Layer &l = layers[count - 1];
        l.kernel_height = kernel_height, l.kernel_width = kernel_width, l.stride = stride;
        l.pad_height = pad_height, l.pad_width = pad_width;
        parameters += (patch + 1) * out * (kind == LOCAL ? places_out(l) : 1);
    }
    void dense(int64_t out) {
        channels *= height * width, height = width = 1;
        weigh(CONVOLUTION, 1, 1, 1, 0, 0, out);
    }
    void same(int64_t kind) { add(kind, height, width, channels); }
    void normalise(bool is_noisy) {
        same(BATCHNORM);
        parameters += 2 * channels, buffers += 2 * channels;
        if (is_noisy) layers[count - 1].noise = noise, noise += 2 * channels;
    }
};

void run(const char *name, const Builder &built, int64_t objective, int64_t strides) {
    const Layer &first = built.layers[0], &last = built.layers[built.count - 1];
    const Net net{built.layers, built.count, built.parameters, built.noise, objective, last.out > 1 ? last.out : 3, 32, 0.1, 1e-5};
    const int64_t features = input_size(first), P = built.parameters, Q = built.buffers;
    Random random{1};

    Array<REAL> x(2 * SAMPLES * features);
    Array<int32_t> y(2 * SAMPLES);
    Array<int64_t> offsets(L);
    for (int64_t k = 0; k < 2 * SAMPLES * features; k++) x[k] = random.within(2);
    for (int64_t k = 0; k < 2 * SAMPLES; k++) y[k] = (int32_t)(random.next() % net.classes);
    for (int l = 0; l < L; l++) offsets[l] = l % MEMBERS ? SAMPLES : 0;
    const Part part{x, y, offsets};

    Array<REAL> theta(P * L), momentum(P * L), squares(P * L), buffers(Q * L), start(P * L);
    for (int64_t k = 0; k < P; k++)
        for (int l = 0; l < L; l++) theta[k * L + l] = l < MEMBERS ? random.within(0.5) : theta[k * L + l % MEMBERS];
    for (int64_t k = 0; k < Q * L; k++) buffers[k] = 1;
    memcpy(start, theta, P * L * sizeof(REAL));

    int64_t drawn = 0;
    for (int64_t size : SIZES) drawn += size;
    Array<int32_t> order(MEMBERS * drawn);
    for (int64_t k = 0; k < MEMBERS * drawn; k++) order[k] = (int32_t)(random.next() % SAMPLES);
    Array<REAL> terms(MEMBERS * UPDATES * TERMS), rates(UPDATES * L), noise(UPDATES * built.noise * L);
    for (int64_t k = 0; k < MEMBERS * UPDATES * TERMS; k++) terms[k] = (REAL)0.5 + random.within(0.4);
    for (int64_t k = 0; k < MEMBERS * UPDATES; k++) terms[k * TERMS + EARLY] = (REAL)(k / UPDATES % 2);
    for (int64_t k = 0; k < UPDATES * L; k++) rates[k] = (REAL)0.01;
    for (int64_t k = 0; k < UPDATES * built.noise; k++)
        for (int l = 0; l < L; l++) noise[k * L + l] = l < MEMBERS ? 1 + random.within(0.2) : noise[k * L + l % MEMBERS];
    const int32_t *orders[L];
    const REAL *rows[L];
    for (int l = 0; l < L; l++) {
        orders[l] = order + l % MEMBERS * drawn;
        rows[l] = terms + l % MEMBERS * UPDATES * TERMS;
    }

    int64_t most = 0;
    JOIN(lanes_workspace, SUFFIX)(&net, SAMPLES, &most);
    Array<unsigned char> memory(most);
    Array<REAL> losses(UPDATES * L), gradient(P * L);
    Array<double> l2(L), loss(L), correct(L), norm(L);
    for (int64_t parts = 0; parts < 64; parts++) {
        const Members members{theta, momentum, squares, buffers};
        if (parts & HAS_EARLY && !(parts & HAS_SQUARES)) continue;
        const Stretch stretch{UPDATES, SIZES, orders, rows, rates, built.noise ? noise.at : nullptr, parts};
        memcpy(theta, start, P * L * sizeof(REAL));
        JOIN(lanes_train, SUFFIX)(&net, &part, &members, &stretch, losses, memory);
        note_members(losses, UPDATES);
        note_members(theta, P);
    }
    note_members(momentum, P);
    note_members(squares, P);
    note_members(buffers, Q);
    JOIN(lanes_measure, SUFFIX)(&net, &part, SAMPLES, 1, theta, buffers, nullptr, loss, correct, nullptr, nullptr, memory);
    note(loss, MEMBERS * sizeof(double)), note(correct, MEMBERS * sizeof(double));
    JOIN(lanes_measure, SUFFIX)(&net, &part, SAMPLES, strides, theta, buffers, l2, loss, correct, norm, gradient, memory);
    note(norm, MEMBERS * sizeof(double)), note_members(gradient, P);
    JOIN(lanes_distance, SUFFIX)(P, start, theta, norm);
    note(norm, MEMBERS * sizeof(double));
    printf("%s %016llx, losses %.6g to %.6g\n", name, (unsigned long long)digest, (double)losses[0],
           (double)losses[(UPDATES - 1) * L]);
}

} // namespace

int main() {
    Builder dense{{}, 0, 1, 1, 20};
    dense.dense(7), dense.same(TANH), dense.dense(5), dense.same(TANH), dense.dense(10);
    run("dense", dense, CROSS_ENTROPY, 1);

    Builder images{{}, 0, 7, 6, 2};
    images.weigh(CONVOLUTION, 3, 3, 2, 1, 1, 5), images.normalise(true), images.same(RELU);
    images.weigh(CONVOLUTION, 2, 2, 1, 0, 0, 4), images.same(RELU), images.normalise(false);
    images.same(MEAN), images.layers[images.count - 1].height_out = images.layers[images.count - 1].width_out = 1;
    images.height = images.width = 1, images.dense(3);
    run("images", images, SQUARED_ERROR, 2);

    Builder local{{}, 0, 1, 11, 2};
    local.weigh(LOCAL, 1, 4, 1, 0, 2, 3), local.same(SIGMOID), local.dense(4);
    run("local", local, SOFTMAX_SQUARED_ERROR, 1);

    Builder number{{}, 0, 1, 1, 9};
    number.dense(33), number.normalise(true), number.same(SIGMOID), number.dense(1);
    run("number", number, CLASS_NUMBER, 3);

    constexpr int64_t POINTS = 4096;
    Array<REAL> from(POINTS * L), to(POINTS * L);
    Random random{2};
    for (int64_t k = 0; k < POINTS; k++)
        for (int l = 0; l < L; l++) from[k * L + l] = l < MEMBERS ? random.within(k < POINTS / 2 ? 2 : 90) : 0;
    for (int64_t which = 0; which < 4; which++) {
        JOIN(lanes_function, SUFFIX)(which, POINTS, from, to);
        // the logarithm is one of positive numbers
        for (int64_t k = 0; k < POINTS * L; k++) to[k] = which == 1 && !(from[k] > 0) ? 0 : to[k];
        note_members(to, POINTS);
    }
    printf("functions %016llx\n", (unsigned long long)digest);
}
