"""The loss in PyTorch on one device, and that device's limits: requests and answers are lines of JSON, tensors raw files.

usage: server.py DEVICE [--compile] [--tf32]
"""
import json
import math
import pathlib
import sys
import time
import traceback

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'contenders' / 'pytorch'))
from operations import OPERATIONS  # noqa: E402: found through the line above

TYPES = {'float32': torch.float32, 'int32': torch.int32}


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


class Task:
    def __init__(self, device, operation, layout, grid, inputs, compiled):
        self.tensors = {}
        for name, (file, stored, shape) in inputs.items():
            tensor = torch.from_file(file, size=math.prod(shape), dtype=TYPES[stored]).reshape(shape).clone()
            self.tensors[name] = (tensor.long() if stored == 'int32' else tensor).to(device)
        self.names, function = OPERATIONS[operation]
        self.leaves = [self.tensors[name].requires_grad_() for name in self.names]
        self.upstream = self.tensors.get('upstream')
        self.function = torch.compile(function) if compiled else function
        self.arguments = (self.tensors, layout, grid)

    def gradients(self):
        value = self.function(*self.arguments)
        return value, torch.autograd.grad(value, self.leaves, self.upstream)


def set_tf32(allowed):
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


class Server:
    def __init__(self, device, compiled, tf32):
        self.device = torch.device(device)
        self.clock = Clock(self.device)
        self.compiled = compiled
        self.tf32 = tf32
        self.task = None
        set_tf32(tf32)

    def hello(self):
        cuda = self.device.type == 'cuda'
        name = torch.cuda.get_device_name(self.device) if cuda else 'cpu'
        return {'torch': torch.__version__, 'cuda': torch.version.cuda, 'device': name, 'compile': hasattr(torch, 'compile')}

    def prepare(self, **request):
        self.task = Task(self.device, **request, compiled=self.compiled)
        # Compiles, and takes memory from the system, before anybody looks at the clock.
        for _ in range(3):
            self.task.gradients()
        self.clock.wait()
        return {}

    def result(self, folder):
        """Writes the value and the gradients as raw files."""
        value, gradients = self.task.gradients()
        outputs = dict(zip(['value', *self.task.names], [value.detach(), *gradients]))
        for name, tensor in outputs.items():
            torch.from_file(f'{folder}/{name}', shared=True, size=tensor.numel(), dtype=tensor.dtype).copy_(
                tensor.reshape(-1).cpu())
        return {'outputs': {name: list(tensor.shape) for name, tensor in outputs.items()}}

    def time(self, calls):
        return {'seconds': self.clock.of(self.task.gradients, calls)}

    def release(self):
        self.task = None
        if self.device.type == 'cuda':
            torch.cuda.empty_cache()
        return {}

    def limits(self, quick):
        cuda = self.device.type == 'cuda'
        seconds = 0.2 if quick else 1.0
        size = 2 ** 30 if cuda else 2 ** 26
        source = torch.ones(size // 4, device=self.device)
        target = torch.empty_like(source)
        limits = {
            'copyBytesPerSecond': 2 * size / self.clock.best(lambda: target.copy_(source), seconds),
            'productFlopsPerSecond': self.products(8192 if cuda else 512, seconds),
            'measuredBy': f'PyTorch {torch.__version__}',
        }
        if cuda:
            pinned = torch.empty(size // 4, pin_memory=True)
            limits['toDeviceBytesPerSecond'] = size / self.clock.best(lambda: target.copy_(pinned, non_blocking=True), seconds)
            limits['fromDeviceBytesPerSecond'] = size / self.clock.best(lambda: pinned.copy_(target, non_blocking=True), seconds)
            limits['graphSeconds'] = self.graph(seconds)
        return limits

    def products(self, size, seconds):
        def rate(dtype, tf32):
            set_tf32(tf32)
            left = torch.randn(size, size, device=self.device).to(dtype)
            right = torch.randn(size, size, device=self.device).to(dtype)
            out = torch.empty_like(left)
            return 2 * size ** 3 / self.clock.best(lambda: torch.mm(left, right, out=out), seconds)

        rates = {'float32': rate(torch.float32, False), 'tf32': rate(torch.float32, True), 'bf16': rate(torch.bfloat16, True)}
        set_tf32(self.tf32)
        return rates

    def graph(self, seconds):
        """From the launch of a graph with one small kernel to its end."""
        small = torch.zeros(1, device=self.device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            small.add_(1)

        def launch():
            graph.replay()
            self.clock.wait()

        return self.clock.best(launch, seconds)


def main():
    arguments = sys.argv[1:]
    server = Server(arguments[0], '--compile' in arguments, '--tf32' in arguments)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(server, request.pop('do'))(**request)
        except Exception as error:
            traceback.print_exc()
            answer = {'error': f'{type(error).__name__}: {error}'.splitlines()[0]}
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
