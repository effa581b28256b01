"""Computes and times the operations for the suite: requests and answers are lines of JSON, tensors are raw files.

usage: server.py THREADS DEVICE [--compile] [--tf32]
"""
import json
import math
import re
import sys
import time
import traceback

import torch

from operations import OPERATIONS

# The budget of a product: seconds of a repetition at least, and of all of them.
LEAST_SECONDS = 2e-3
PRODUCT_SECONDS = 0.15

TYPES = {'float32': torch.float32, 'float64': torch.float64, 'int32': torch.int32}


def part(name, pattern):
    """'<name> <version>', if PyTorch says of what it is built that this is part of it."""
    found = re.search(pattern, torch.__config__.show())
    return [f'{name} {found[1]}'] if found else []


def blas():
    """The BLAS that is really loaded."""
    with open('/proc/self/maps') as maps:
        files = {line.split()[-1] for line in maps if '.so' in line}
    for file in sorted(files):
        if 'openblas' in file and 'lapack' not in file:
            version = re.search(r'-r(\d[\d.]*\d)\.so|openblas.*?(\d+\.\d+\.\d+)', file)
            if version:
                return 'OpenBLAS ' + (version[1] or version[2])
    if any('mkl' in file for file in files) or 'BLAS_INFO=mkl' in torch.__config__.show():
        return 'MKL'
    if any('openblas' in file for file in files):
        return 'OpenBLAS'
    for file in files:
        version = re.search(r'/libblas\.so\.(\d[\d.]*)$', file)
        if version:
            return 'reference BLAS ' + version[1]
    return 'an unknown BLAS'


def libraries():
    """What multiplies matrices, and what threads are made by."""
    mkl = part('MKL', r'Math Kernel Library Version (\S+?)-') if torch.backends.mkl.is_available() else []
    threads = re.search(r'parallel backend: (.*)', torch.__config__.parallel_info())
    return [*(mkl or [blas()]), *part('oneDNN', r'MKL-DNN v(\S+)'), *([threads[1]] if threads else [])]


def compile_alone(function):
    """Compiles for the sizes of the first call: after several sizes, code for any size would come out, which is slower."""
    torch._dynamo.reset()
    return torch.compile(function, dynamic=False)


class Task:
    def __init__(self, device, operation, layout, grid, dtype, inputs, compiled):
        self.tensors = {}
        for name, (file, stored, shape) in inputs.items():
            tensor = torch.from_file(file, size=math.prod(shape), dtype=TYPES[stored]).reshape(shape)
            wanted = torch.int64 if stored == 'int32' else TYPES[dtype]
            self.tensors[name] = tensor.to(device, wanted, copy=True)
        self.names, function = OPERATIONS[operation]
        self.leaves = [self.tensors[name].requires_grad_() for name in self.names]
        self.upstream = self.tensors.get('upstream')
        self.function = compile_alone(function) if compiled else function
        self.arguments = (self.tensors, layout, grid)

    def forward(self):
        with torch.no_grad():
            return self.function(*self.arguments), []

    def gradients(self):
        value = self.function(*self.arguments)
        return value, torch.autograd.grad(value, self.leaves, self.upstream)


class Server:
    def __init__(self, threads, device, compiled, tf32):
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        self.device = torch.device(device)
        self.on_gpu = self.device.type == 'cuda'
        self.compiled = compiled
        self.task = None

    def wait(self):
        """Until what is queued on a GPU is done."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def hello(self):
        return {'torch': torch.__version__, 'cuda': torch.version.cuda, 'libraries': libraries(),
                'threads': torch.get_num_threads(), 'compile': hasattr(torch, 'compile')}

    def prepare(self, **request):
        self.task = Task(self.device, **request, compiled=self.compiled)
        return {}

    def result(self, mode, folder):
        """Writes the value and the gradients as raw files."""
        value, gradients = getattr(self.task, mode)()
        outputs = dict(zip(['value', *self.task.names], [value.detach(), *gradients]))
        for name, tensor in outputs.items():
            torch.from_file(f'{folder}/{name}', shared=True, size=tensor.numel(), dtype=tensor.dtype).copy_(
                tensor.reshape(-1))
        return {'outputs': {name: list(tensor.shape) for name, tensor in outputs.items()}}

    def time(self, mode, calls):
        run = getattr(self.task, mode)
        self.wait()
        begin = time.perf_counter()
        for _ in range(calls):
            run()
        self.wait()
        return {'seconds': (time.perf_counter() - begin) / calls}

    @torch.no_grad()
    def product(self, rows, columns, depth, dtype):
        """Seconds of the classifier's product, the best of a few."""
        pooled = torch.full((rows, depth), 0.5, dtype=TYPES[dtype], device=self.device)
        weight = torch.full((columns, depth), 0.25, dtype=TYPES[dtype], device=self.device)
        multiply = compile_alone(torch.nn.functional.linear) if self.compiled else torch.nn.functional.linear

        def seconds(calls):
            self.wait()
            begin = time.perf_counter()
            for _ in range(calls):
                multiply(pooled, weight)
            self.wait()
            return (time.perf_counter() - begin) / calls

        seconds(2)
        once = seconds(1)
        calls = math.ceil(LEAST_SECONDS / min(once, LEAST_SECONDS))
        repetitions = max(3, int(PRODUCT_SECONDS / (calls * once)))
        return {'seconds': min(seconds(calls) for _ in range(repetitions))}

    def release(self):
        self.task = None
        if self.on_gpu:
            torch.cuda.empty_cache()
        return {}


def main():
    threads, device, *flags = sys.argv[1:]
    server = Server(int(threads), device, '--compile' in flags, '--tf32' in flags)
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
