"""Peak memory of the relation loss with its gradient, once, beyond what was there before.

usage: memory.py THREADS M K
"""
import re
import sys

import torch

import gld


def status(name):
    with open('/proc/self/status') as file:
        return int(re.search(rf'^{name}:\s+(\d+)', file.read(), re.M)[1]) * 1024


def run(teacher, student):
    torch.autograd.grad(gld.relation(teacher, student), student)


def inputs(m, classes):
    return torch.randn(m, classes), torch.randn(m, classes, requires_grad=True)


threads, m, classes = map(int, sys.argv[1:])
torch.set_num_threads(threads)
# Loads the code and starts the threads.
run(*inputs(300, classes))
pair = inputs(m, classes)
# Sets the peak back to what is used now.
with open('/proc/self/clear_refs', 'w') as file:
    file.write('5')
before = status('VmRSS')
run(*pair)
print(status('VmHWM') - before)
