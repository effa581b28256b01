"""The loss as one writes it in PyTorch: vectorised, autograd for the gradients, the teacher under no_grad."""
import torch
import torch.nn.functional as F


def pool(features, grid):
    """[n, C, H, W] -> [n, 1 + L, C]: the mean over the map, then those over the cells of the grid."""
    whole = F.adaptive_avg_pool2d(features, 1).flatten(2)
    cells = F.adaptive_avg_pool2d(features, grid).flatten(2)
    # Rows side by side: linear would take strided ones as a batch of small products, at half the speed.
    return torch.cat([whole.transpose(1, 2), cells.transpose(1, 2)], 1)


def classify(features, weight, bias, grid):
    return F.linear(pool(features, grid), weight, bias)


def normalized(z):
    return z / z.std(-1, keepdim=True)


def normalized_kd(teacher, student, samples):
    log_student = F.log_softmax(normalized(student), -1)
    return F.kl_div(log_student, F.softmax(normalized(teacher), -1), reduction='sum') / samples


def relations(z):
    """Squared distances between all rows, by their Gram matrix; each row of them divided by its norm."""
    squares = (z * z).sum(1)
    return F.normalize(squares[:, None] + squares[None, :] - 2 * z @ z.t(), dim=1)


def relation(teacher, student):
    with torch.no_grad():
        expected = relations(teacher)
    return F.mse_loss(relations(student), expected)


def gld(teacher, student, labels, grid, alpha=0.7, beta=500.0, local_weight=1.0):
    """teacher and student: features, weight and bias."""
    with torch.no_grad():
        zt = classify(*teacher, grid)
    zs = classify(*student, grid)
    samples = zs.shape[0]
    task = F.cross_entropy(zs[:, 0], labels)
    whole = normalized_kd(zt[:, 0], zs[:, 0], samples)
    local = normalized_kd(zt[:, 1:], zs[:, 1:], samples)
    related = relation(zt.flatten(0, 1), zs.flatten(0, 1))
    return (1 - alpha) * task + alpha * whole + local_weight * local + beta * related
