# The smallest program with a fiber in it.
require "./wasm_fibers"

puts "start"
numbers = Channel(Int32).new
spawn do
  3.times { |i| numbers.send i }
  numbers.close
end
while x = numbers.receive?
  puts "got #{x}"
end
puts "done"
