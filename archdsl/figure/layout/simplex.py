"""The network simplex method of Gansner, Koutsofios, North and Vo (1993): places on a line that keep their distances at least cost.

In: how many variables, and edges `(tail, head, least, weight)`, which join them all. Out: whole numbers `x`, at least `least` apart from
tail to head along every edge, such that the sum of `weight * (x[head] - x[tail])` is least.
"""

from __future__ import annotations

from heapq import heappop, heappush

Edge = tuple[int, int, int, int]

_MOST = 20000
"""Exchanges before the places found so far are taken; they are always allowed, and nearly always the best long before."""


class Circular(Exception):
    """The distances asked for go round in a circle."""


def solve(count: int, edges: list[Edge]) -> list[int]:
    network = _Network(count, edges)
    network.span()
    network.improve()
    least = min(network.x)
    return [x - least for x in network.x]


class _Network:
    def __init__(self, count: int, edges: list[Edge]):
        self.count = count
        self.tail, self.head = [e[0] for e in edges], [e[1] for e in edges]
        self.least, self.weight = [e[2] for e in edges], [e[3] for e in edges]
        self.out: list[list[int]] = [[] for _ in range(count)]
        self.into: list[list[int]] = [[] for _ in range(count)]
        for e, (t, h, _, _) in enumerate(edges):
            self.out[t].append(e)
            self.into[h].append(e)
        self.x = self._first()
        self.tree: list[list[int]] = [[] for _ in range(count)]
        self.in_tree = [False] * len(edges)
        self.parent = [-1] * count
        self.low, self.last = [0] * count, [0] * count
        self.cut = [0] * len(edges)

    def _first(self) -> list[int]:
        """Allowed places: each variable as low as those before it let it be."""
        x = [0] * self.count
        open_edges = [len(i) for i in self.into]
        ready = [v for v in range(self.count) if not open_edges[v]]
        done = 0
        while ready:
            v = ready.pop()
            done += 1
            for e in self.out[v]:
                h = self.head[e]
                x[h] = max(x[h], x[v] + self.least[e])
                open_edges[h] -= 1
                if not open_edges[h]:
                    ready.append(h)
        if done < self.count:
            raise Circular
        return x

    def span(self) -> None:
        """A spanning tree of tight edges: the tree moves until the next edge is tight."""
        x, offset = self.x, 0
        inside = [False] * self.count
        leaving: list[tuple[int, int]] = []
        entering: list[tuple[int, int]] = []

        def take(v: int) -> None:
            inside[v] = True
            x[v] -= offset  # kept relative to the tree, which moves as one
            for e in self.out[v]:
                if not inside[self.head[e]]:
                    heappush(leaving, (x[self.head[e]] - x[v] - self.least[e], e))
            for e in self.into[v]:
                if not inside[self.tail[e]]:
                    heappush(entering, (x[v] - x[self.tail[e]] - self.least[e], e))

        take(0)
        for _ in range(self.count - 1):
            while leaving and inside[self.head[leaving[0][1]]]:
                heappop(leaving)
            while entering and inside[self.tail[entering[0][1]]]:
                heappop(entering)
            if not leaving and not entering:
                raise ValueError("the network is in several parts")
            if not entering or (leaving and leaving[0][0] - offset <= entering[0][0] + offset):
                slack, e = heappop(leaving)
                offset, new = slack, self.head[e]
            else:
                slack, e = heappop(entering)
                offset, new = -slack, self.tail[e]
            self.in_tree[e] = True
            self.tree[self.tail[e]].append(e)
            self.tree[self.head[e]].append(e)
            take(new)

    def improve(self) -> None:
        self._ranges(0, -1, 1)
        self._cuts()
        edges, at, size = list(range(len(self.cut))), 0, len(self.cut)
        for _ in range(_MOST):
            chosen, worst, seen = -1, 0, 0
            for k in range(size):  # the worst of some, searched in a circle
                e = edges[(at + k) % size]
                if self.cut[e] < 0 and self.in_tree[e]:
                    if self.cut[e] < worst:
                        chosen, worst = e, self.cut[e]
                    seen += 1
                    if seen >= 30:
                        at = (at + k) % size
                        break
            if chosen < 0:
                return
            self._exchange(chosen, self._entering(chosen))

    def _ranges(self, root: int, parent: int, low: int) -> None:
        """Numbers a subtree in postorder: what lies in it has numbers from `low` to `last`."""
        self.parent[root] = parent
        self.low[root] = low
        number = low
        visiting: list[tuple[int, int, int]] = [(root, parent, 0)]
        while visiting:
            v, via, k = visiting.pop()
            edges = self.tree[v]
            while k < len(edges):
                e = edges[k]
                k += 1
                if e != via:
                    w = self.head[e] if self.tail[e] == v else self.tail[e]
                    visiting.append((v, via, k))
                    self.parent[w], self.low[w] = e, number
                    visiting.append((w, e, 0))
                    break
            else:
                self.last[v] = number
                number += 1

    def _cuts(self) -> None:
        """The cut value of every edge of the tree, from the leaves inward."""
        for v in sorted(range(self.count), key=self.last.__getitem__):
            up = self.parent[v]
            if up < 0:
                continue
            sign = 1 if self.tail[up] == v else -1
            total = 0
            for e in self.out[v]:
                total += self._share(e, v, self.head[e], 1)
            for e in self.into[v]:
                total += self._share(e, v, self.tail[e], -1)
            self.cut[up] = sign * total

    def _share(self, e: int, v: int, other: int, sign: int) -> int:
        """What one edge at `v` adds to the flow out of the subtree of `v`."""
        if self.in_tree[e] and self.parent[other] == e:  # a child: what flows out of it, but for this edge itself
            return self.cut[e] * (1 if self.tail[e] == other else -1) + sign * self.weight[e]
        return sign * self.weight[e]

    def _entering(self, leaving: int) -> int:
        """The edge of least slack that leads back over the cut."""
        t, h = self.tail[leaving], self.head[leaving]
        child = t if self.last[t] < self.last[h] else h
        low, last = self.low[child], self.last[child]
        best, found = 1 << 60, -1
        waiting = [child]
        x, lasts, least = self.x, self.last, self.least
        while waiting:
            v = waiting.pop()
            if child == t:
                for e in self.into[v]:
                    w = self.tail[e]
                    if not low <= lasts[w] <= last:
                        slack = x[v] - x[w] - least[e]
                        if slack < best:
                            best, found = slack, e
            else:
                for e in self.out[v]:
                    w = self.head[e]
                    if not low <= lasts[w] <= last:
                        slack = x[w] - x[v] - least[e]
                        if slack < best:
                            best, found = slack, e
            if best == 0:
                break
            for e in self.tree[v]:
                if e != self.parent[v]:
                    waiting.append(self.head[e] if self.tail[e] == v else self.tail[e])
        return found

    def _exchange(self, old: int, new: int) -> None:
        t, h = self.tail[old], self.head[old]
        child = t if self.last[t] < self.last[h] else h
        by = self.x[self.head[new]] - self.x[self.tail[new]] - self.least[new]
        if by:
            by = -by if child == t else by
            waiting = [child]
            while waiting:
                v = waiting.pop()
                self.x[v] += by
                for e in self.tree[v]:
                    if e != self.parent[v]:
                        waiting.append(self.head[e] if self.tail[e] == v else self.tail[e])
        value = self.cut[old]
        top = self._along(self.tail[new], self.head[new], value, True)
        self._along(self.head[new], self.tail[new], value, False)
        self.cut[new], self.cut[old] = -value, 0
        self.in_tree[old], self.in_tree[new] = False, True
        self.tree[t].remove(old)
        self.tree[h].remove(old)
        self.tree[self.tail[new]].append(new)
        self.tree[self.head[new]].append(new)
        self._ranges(top, self.parent[top], self.low[top])

    def _along(self, v: int, goal: int, value: int, out: bool) -> int:
        """Changes the cut values from `v` up to where `goal` joins."""
        while not self.low[v] <= self.last[goal] <= self.last[v]:
            e = self.parent[v]
            self.cut[e] += value if (v == self.tail[e]) == out else -value
            v = self.tail[e] if self.last[self.tail[e]] > self.last[self.head[e]] else self.head[e]
        return v
