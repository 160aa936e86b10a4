#include "bpf/trace/tracer.h"

#include <algorithm>
#include <utility>

#include "bpf/exec/operation.h"
#include "bpf/object/image.h"
#include "bpf/trace/instruction_effects.h"

namespace netkit::bpf {
namespace {

// R0 to R9; the frame pointer is no news.
constexpr std::uint8_t kTracedRegisters = 10;

bool same_line(const TraceRecord& a, const TraceRecord& b) {
  return a.line != nullptr && b.line != nullptr && a.line->line == b.line->line &&
         a.line->file == b.line->file && a.depth == b.depth && a.program == b.program;
}

}  // namespace

void Tracer::step(const Step& step) {
  last_ = {&step.run, step.insn, step.depth, step.frame_pointer, step.registers};
  // A function that has returned; at the same depth a callback may be called once more.
  while (!under_way_.empty() && (under_way_.back().record.depth > step.depth || under_way_.back().exits)) {
    add(std::move(under_way_.back().record));
    flush();
    under_way_.pop_back();
  }
  if (!under_way_.empty() && under_way_.back().record.depth == step.depth) {
    complete(under_way_.back(), step);
    under_way_.pop_back();
  } else if (!under_way_.empty() && !std::exchange(under_way_.back().told, true)) {
    add(under_way_.back().record);  // a call, before its callee's instructions
    flush();
  }
  begin(step);
}

void Tracer::begin(const Step& step) {
  const ProgramImage& image = *step.run.program->image;
  const auto instruction = decode(std::span(image.insns).subspan(step.insn));
  if (!instruction) return;  // every program that was loaded decodes
  UnderWay next{.record = {.program = step.run.program->name,
                           .insn = step.insn,
                           .depth = step.depth,
                           .line = image.line_of(step.insn)},
                .before = step.registers,
                .loads = loaded_register(*instruction),
                .looks_up = looked_up(step, *instruction),
                .returns = returns_value(step, *instruction),
                .exits = std::holds_alternative<Exit>(*instruction)};
  next.record.disasm = traced_disasm(step, *instruction);
  add_effects(step, *instruction, names_, next.record);
  under_way_.push_back(std::move(next));
}

void Tracer::complete(UnderWay& last, const Step& now) {
  TraceRecord& record = last.record;
  if (!last.looks_up.empty() && now.registers[0] != 0)
    names_.found(now.registers[0], std::move(last.looks_up));
  if (last.loads)
    std::get<TracedAccess>(record.events.back()).value =
        names_.name(now, now.registers[number_of(*last.loads)]);
  // A tail call goes on in another program and returns nothing.
  const bool returned = last.returns && record.program == now.run.program->name;
  auto* const call = record.events.empty() ? nullptr : std::get_if<TracedCall>(&record.events.back());
  if (call != nullptr && returned) call->result = names_.name(now, now.registers[0]);
  for (std::uint8_t number = 0; number < kTracedRegisters; ++number) {
    const std::uint64_t value = now.registers[number];
    if (value == last.before[number] || value == kClobbered) continue;
    record.registers.emplace_back(number, names_.name(now, value));
  }
  add(std::move(record));
}

void Tracer::end() {
  if (!under_way_.empty()) add(std::move(under_way_.back().record));  // the callers of it are told
  under_way_.clear();
  flush();
}

std::vector<NamedRegister> Tracer::registers() const {
  std::vector<NamedRegister> all;
  if (!last_) return all;
  const Step step{*last_->run, last_->insn, last_->depth, last_->frame_pointer, last_->registers};
  for (std::uint8_t number = 0; number < kTracedRegisters; ++number) {
    const std::uint64_t value = last_->registers[number];
    if (value != kClobbered) all.emplace_back(number, names_.name(step, value));
  }
  return all;
}

void Tracer::add(TraceRecord record) {
  if (grain_ == TraceGrain::kInsn || record.line == nullptr) {
    flush();
    sink_(record);
    return;
  }
  record.disasm.clear();
  if (!line_ || !same_line(*line_, record)) {
    flush();
    line_ = std::move(record);
    return;
  }
  std::ranges::move(record.events, std::back_inserter(line_->events));
  for (auto& [number, value] : record.registers) {
    const auto known =
        std::ranges::find(line_->registers, number, [](const auto& entry) { return entry.first; });
    if (known == line_->registers.end()) {
      line_->registers.emplace_back(number, std::move(value));
    } else {
      known->second = std::move(value);
    }
  }
}

void Tracer::flush() {
  if (line_) sink_(*std::exchange(line_, std::nullopt));
}

}  // namespace netkit::bpf
