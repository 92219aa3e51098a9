"""Trains EfficientNet-Lite0 in plain PyTorch on one random batch over and over, and prints images per second.

Usage: plain_pytorch.py cpu|cuda SIDE BATCH THREADS STEPS
"""
import sys
import time

import torch
from torch import nn

STAGES = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]


class Same(nn.Conv2d):
    """TensorFlow's padding: the odd pixel goes to the right and the bottom."""

    def forward(self, x):
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((-(-x.shape[-1] // stride) - 1) * stride + kernel - x.shape[-1], 0)
        if total % 2 == 0:
            return nn.functional.conv2d(x, self.weight, None, stride, total // 2, 1, self.groups)
        x = nn.functional.pad(x, [total // 2, total - total // 2] * 2)
        return nn.functional.conv2d(x, self.weight, None, stride, 0, 1, self.groups)


def convolution(before, after, kernel, stride=1, groups=1, activation=True):
    layers = [Same(before, after, kernel, stride, groups=groups, bias=False), nn.BatchNorm2d(after, eps=1e-3, momentum=0.01)]
    return nn.Sequential(*layers, nn.ReLU6()) if activation else nn.Sequential(*layers)


class Block(nn.Module):
    def __init__(self, before, expansion, kernel, stride, after):
        super().__init__()
        wide = before * expansion
        self.residual = stride == 1 and before == after
        self.layers = nn.Sequential(
            *([convolution(before, wide, 1)] if expansion > 1 else []),
            convolution(wide, wide, kernel, stride, groups=wide),
            convolution(wide, after, 1, activation=False))

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


def network():
    layers, filters = [convolution(3, 32, 3, 2)], 32
    for expansion, kernel, stride, after, repeats in STAGES:
        for repeat in range(repeats):
            layers.append(Block(filters, expansion, kernel, stride if repeat == 0 else 1, after))
            filters = after
    return nn.Sequential(*layers, convolution(filters, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1280, 9))


def main():
    device = sys.argv[1]
    side, batch, threads, steps = (int(argument) for argument in sys.argv[2:6])
    if device == "cuda" and not torch.cuda.is_available():
        sys.exit("this PyTorch has no CUDA")
    torch.set_num_threads(threads)
    model = network().to(device).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.03)
    images = torch.randn(batch, 3, side, side, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 9, (batch,), device=device)

    def step():
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = nn.functional.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimiser.step()
        return loss.item()

    step()
    started = time.perf_counter()
    for _ in range(steps):
        step()
    print(steps * batch / (time.perf_counter() - started))


main()
