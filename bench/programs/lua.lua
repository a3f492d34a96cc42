function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

function spectral(n)
  local function a(i, j)
    local ij = i + j - 1
    return 1.0 / (ij * (ij - 1) * 0.5 + i)
  end
  local function product(x, y)
    for i = 1, n do
      local sum = 0
      for j = 1, n do sum = sum + x[j] * a(i, j) end
      y[i] = sum
    end
  end
  local u, v = {}, {}
  for i = 1, n do u[i] = 1 end
  for _ = 1, 4 do product(u, v) product(v, u) end
  local sum = 0
  for i = 1, n do sum = sum + u[i] end
  return math.floor(sum * 1e6) % 100000
end

function strs(n)
  local t = {}
  for i = 1, n do t[#t + 1] = string.format('%d,%s', i, ('x'):rep(i % 7)) end
  local text = table.concat(t, ';')
  local digits = 0
  for word in text:gmatch('%d+') do digits = digits + #word end
  text = text:gsub('x+', 'y')
  return digits + #text
end

function sorts(n)
  local t, x = {}, 42
  for i = 1, n do
    x = (x * 1103515245 + 12345) % 2147483648
    t[i] = x
  end
  table.sort(t, function(a, b) return a < b end)
  return t[n // 2]
end

function trees(depth)
  local function make(d)
    if d == 0 then return {} end
    return {make(d - 1), make(d - 1)}
  end
  local function count(tree)
    if tree[1] then return 1 + count(tree[1]) + count(tree[2]) end
    return 1
  end
  return count(make(depth))
end

function yielder(n)
  local sum = 0
  for i = 1, n do sum = sum + yield(i) end
  return sum
end
