"""Networks as a reader might bring them."""

import torch
from torch import nn


class Residual(nn.Module):
    """Dense blocks with a way around each, and one factor that all of them share."""

    def __init__(self, inputs: int, outputs: int, width: int = 8, depth: int = 2) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.last = nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.first(x.flatten(1)))
        for block in self.blocks:
            x = x + self.scale * torch.tanh(block(x))
        return self.last(x)


class Convolutional(nn.Module):
    """Two convolutions, batch normalisation if asked for, and max pooling."""

    def __init__(self, outputs: int = 4, norm: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(
            # a bias here would have a gradient of rounding errors, which Adam makes steps of
            nn.Conv2d(1, 3, 3, padding=1, bias=not norm),
            nn.BatchNorm2d(3) if norm else nn.Identity(),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 2),
            nn.Tanh(),
            nn.Flatten(),
        )
        self.head = nn.Linear(4, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x.view(-1, 1, 4, 4)))


class Simple(nn.Module):
    """One layer, and after it what a test puts there."""

    def __init__(self, after: str, inputs: int = 16, outputs: int = 4) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.calls = 0
        self.after = {
            "dropout": nn.Dropout(0.5),
            "cumulative": nn.BatchNorm1d(outputs, momentum=None),
            "no averages": nn.BatchNorm1d(outputs, track_running_stats=False),
            "frozen": nn.Linear(outputs, outputs).requires_grad_(False),
            "lazy": nn.LazyLinear(outputs),
        }.get(after, nn.Identity())
        self.kind = after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.after(self.linear(x))
        if self.kind == "branch" and y.sum() > 0:
            return -y
        if self.kind == "counts":
            self.calls += 1
            return y + self.calls
        return y


def none(outputs: int = 4) -> int:
    """Make no module at all."""
    return outputs
