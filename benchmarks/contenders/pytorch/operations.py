"""Each operation of the suite on tensors by name: what it computes, and with respect to what it is differentiated."""
import gld


def nchw(features, layout):
    return features.permute(0, 3, 1, 2) if layout == 'NHWC' else features


def whole(t, layout, grid):
    sides = [[nchw(t[f'{side}.features'], layout), t[f'{side}.weight'], t[f'{side}.bias']]
             for side in ('teacher', 'student')]
    return gld.gld(*sides, t['labels'], grid)


# name: (inputs that gradients are asked for, function)
OPERATIONS = {
    'gld': (['student.features', 'student.weight', 'student.bias'], whole),
    'pool': (['student.features'], lambda t, layout, grid: gld.pool(nchw(t['student.features'], layout), grid)),
    'classifier': (['pooled', 'student.weight', 'student.bias'],
                   lambda t, layout, grid: gld.F.linear(t['pooled'], t['student.weight'], t['student.bias'])),
    'cross_entropy': (['student.logits'],
                      lambda t, layout, grid: gld.F.cross_entropy(t['student.logits'], t['labels'])),
    'normalized_kd': (['student.logits'], lambda t, layout, grid: gld.normalized_kd(
        t['teacher.logits'], t['student.logits'], t['student.logits'].shape[0])),
    'relation': (['student.logits'], lambda t, layout, grid: gld.relation(t['teacher.logits'], t['student.logits'])),
}
