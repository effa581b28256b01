"""The limits of a device, as PyTorch reaches them: one line of JSON.

usage: limits.py DEVICE [--quick]
"""
import json
import math
import sys
import time

import torch


class Clock:
    """Seconds of work on the device: what is queued has to be done when it is read."""

    def __init__(self, device):
        self.device = device

    def wait(self):
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)

    def of(self, run, calls):
        self.wait()
        begin = time.perf_counter()
        for _ in range(calls):
            run()
        self.wait()
        return (time.perf_counter() - begin) / calls

    def best(self, run, seconds):
        """The best of some repetitions, for limits are what can be reached."""
        once = max(self.of(run, 1), 1e-7)
        calls = max(1, math.ceil(0.01 / once))
        rounds = max(3, min(50, int(seconds / (calls * once))))
        return min(self.of(run, calls) for _ in range(rounds))


def products(device, clock, size, seconds):
    def rate(dtype, tf32):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        left = torch.randn(size, size, device=device).to(dtype)
        right = torch.randn(size, size, device=device).to(dtype)
        out = torch.empty_like(left)
        return 2 * size ** 3 / clock.best(lambda: torch.mm(left, right, out=out), seconds)

    return {'float32': rate(torch.float32, False), 'tf32': rate(torch.float32, True), 'bf16': rate(torch.bfloat16, True)}


def graph(device, clock, seconds):
    """From the launch of a graph with one small kernel to its end."""
    small = torch.zeros(1, device=device)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        small.add_(1)

    def launch():
        captured.replay()
        clock.wait()

    return clock.best(launch, seconds)


def main():
    device = torch.device(sys.argv[1])
    seconds = 0.2 if '--quick' in sys.argv else 1.0
    clock = Clock(device)
    cuda = device.type == 'cuda'
    size = 2 ** 30 if cuda else 2 ** 26
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    limits = {
        'copyBytesPerSecond': 2 * size / clock.best(lambda: target.copy_(source), seconds),
        'productFlopsPerSecond': products(device, clock, 8192 if cuda else 512, seconds),
        'measuredBy': f'PyTorch {torch.__version__}',
    }
    if cuda:
        pinned = torch.empty(size // 4, pin_memory=True)
        limits['toDeviceBytesPerSecond'] = size / clock.best(lambda: target.copy_(pinned, non_blocking=True), seconds)
        limits['fromDeviceBytesPerSecond'] = size / clock.best(lambda: pinned.copy_(target, non_blocking=True), seconds)
        limits['graphSeconds'] = graph(device, clock, seconds)
    print(json.dumps(limits))


if __name__ == '__main__':
    main()
