"""The reference: one network at a time, DataLoader, nn.Module, torch.optim.Adam."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def dense(batchnorm: bool = False) -> nn.Module:
    """Build 64-32-16-10 with tanh, batch normalisation before it if asked for."""
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in ((64, 32), (32, 16)):
        layers.append(nn.Linear(inputs, outputs))
        if batchnorm:
            layers.append(nn.BatchNorm1d(outputs))
        layers.append(nn.Tanh())
    return nn.Sequential(*layers, nn.Linear(16, 10))


def convolutional() -> nn.Module:
    """Build three 1-D convolutions of 16 channels, kernel 5, stride 2, mean pooling, a head."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 16), (16, 16), (16, 16)):
        layers += [nn.Conv1d(inputs, outputs, 5, stride=2, padding=2), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 10))


def train(model: nn.Module, x: torch.Tensor, y: torch.Tensor, batch_size: int, epochs: int) -> None:
    """Train a network for some epochs, its samples reshuffled in each."""
    loader = DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for inputs, classes in loader:
            optimizer.zero_grad()
            criterion(model(inputs), classes).backward()
            optimizer.step()
