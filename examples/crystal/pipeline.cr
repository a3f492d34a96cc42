# What fibers, channels, select and sleep look like from outside: the lines of
# the fibers alternate.
require "./wasm_fibers"

# A producer and a consumer. The channel holds nothing: a send waits until the value
# is taken, so neither gets ahead of the other by more than one.
numbers = Channel(Int32).new
spawn do
  1.upto(3) do |n|
    puts "producer: #{n}"
    numbers.send(n)
  end
  numbers.close
end
while n = numbers.receive?
  puts "consumer:   #{n} squared is #{n * n}"
end

# A select that gives up waiting, and one that does not.
answers = Channel(String).new
spawn do
  sleep 50.milliseconds
  answers.send "an answer"
end
[5.milliseconds, 10.seconds].each do |patience|
  select
  when answer = answers.receive
    puts "select:   #{answer}"
  when timeout(patience)
    puts "select:   nothing within #{patience.total_milliseconds.to_i} ms"
  end
end

# Stages that are connected by channels, each a fiber that sleeps at its work.
def stage(input : Channel(Int32), &work : Int32 -> Int32) : Channel(Int32)
  output = Channel(Int32).new(2)
  spawn do
    while value = input.receive?
      sleep 1.millisecond
      output.send(work.call(value))
    end
    output.close
  end
  output
end

source = Channel(Int32).new(2)
pipeline = stage(stage(stage(source) { |x| x + 1 }) { |x| x * 10 }) { |x| x - 3 }
spawn do
  5.times { |i| source.send(i) }
  source.close
end
results = [] of Int32
while value = pipeline.receive?
  results << value
end
puts "pipeline: #{results.join(' ')}"

# A hundred fibers that pass a token around.
sum = 0
finished = Channel(Nil).new
100.times do |i|
  spawn do
    10.times do
      sum += i
      Fiber.yield
    end
    finished.send(nil)
  end
end
100.times { finished.receive }
puts "hundred:  #{sum}"
