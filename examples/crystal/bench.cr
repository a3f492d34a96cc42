# Counts switches: two fibers hand a number to each other, first with the channel
# calls near the bottom of the stack, then with 50 more frames on the stack of one
# of them, all of which unwind and rewind at each switch.
require "./wasm_fibers"

def spin(rounds : Int32, depth : Int32, input : Channel(Int32), output : Channel(Int32)) : Int32
  # Not a sum: that would make the optimizer turn the recursion into a loop.
  return (spin(rounds, depth - 1, input, output) &* 3) ^ depth if depth > 0
  rounds.times do
    output.send(input.receive &+ 1)
  end
  0
end

def measure(rounds, depth)
  a = Channel(Int32).new
  b = Channel(Int32).new
  spawn { b.send(spin(rounds, depth, a, b)) }
  value = 0
  elapsed = Time.measure do
    rounds.times do
      a.send(value)
      value = b.receive
    end
  end
  puts "rounds=#{rounds} depth=#{depth} value=#{value} frames=#{b.receive}"
  STDERR.puts "#{(elapsed.total_nanoseconds / rounds).round.to_i} ns a round"
end

measure 20_000, 0
measure 5_000, 50
