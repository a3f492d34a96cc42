# Standard input and fibers: while one waits for a line, others run.
#
#     (sleep 1; cat examples/crystal/console.input) | watfiber run examples/crystal/console.wasm
require "./wasm_fibers"

# Somebody who has something to do meanwhile.
ticks = Channel(Nil).new
spawn do
  1.upto(3) do |i|
    sleep 30.milliseconds
    puts "tick #{i}"
  end
  ticks.send nil
end

# Each line is a request, which a fiber answers: those that take longer come later.
lines = Channel(String).new
spawn do
  while line = gets
    lines.send line
  end
  lines.close
end

def serve(line : String, answers : Channel(String))
  name, _, milliseconds = line.partition(' ')
  sleep (milliseconds.to_i? || 0).milliseconds
  answers.send name.reverse
end

answers = Channel(String).new
asked = 0
while line = lines.receive?
  puts "line: #{line}"
  asked += 1
  spawn serve(line, answers)
end
ticks.receive
asked.times { puts "answer: #{answers.receive}" }
puts "the end"
