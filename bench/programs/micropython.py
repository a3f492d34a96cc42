import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def sorts(n):
    numbers, x = [], 42
    for _ in range(n):
        x = (x * 110351 + 12345) % 8388608
        numbers.append(x)
    numbers.sort(key=lambda number: -number)
    return numbers[n // 2]


def strs(n):
    text = ";".join(["%d,%s" % (i, "x" * (i % 7)) for i in range(n)])
    total = len(text.replace("xx", "y"))
    for word in text.split(";"):
        total += len(word.strip("0123456789,"))
    return total


def dicts(n):
    seen, x = {}, 7
    for i in range(n):
        x = (x * 1103 + 12345) % 65536
        seen[x % 997] = seen.get(x % 997, 0) + i % 3
    return sum(seen.values()) + len(seen)


class Tree:
    def __init__(self, depth):
        self.left = Tree(depth - 1) if depth else None
        self.right = Tree(depth - 1) if depth else None

    def count(self):
        return 1 + (self.left.count() + self.right.count() if self.left else 0)


def trees(depth):
    return Tree(depth).count()


def loops(n):
    total = 0
    for i in range(n):
        for j in range(10):
            total = (total * 3 + (i ^ j)) & 0xFFFFF
    return total


def yielder(n):
    total = 0
    for _ in range(n):
        total += time.ticks_ms()
    return total
