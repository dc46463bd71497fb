// Statements: what writes text, branches, loops, assigns.
#include "model/jinja_evaluator.h"

namespace sillok::model::jinja {

tl::unexpected<Error> Evaluator::at(size_t offset, Error error) {
  if (!placed_) {
    placed_ = true;
    error.message = "template, " + place(source_, offset) + ": " + error.message;
  }
  return fail(std::move(error));
}

Scope& Evaluator::new_scope(Scope* parent) {
  heap_.spend(1);
  Scope* scope = nullptr;
  if (free_scopes_.empty()) {
    scope = &scopes_.emplace_back();
  } else {
    scope = free_scopes_.back();
    free_scopes_.pop_back();
  }
  scope->parent = parent;
  return *scope;
}

void Evaluator::release(Scope& scope) {
  if (scope.kept) return;
  scope.names.clear();
  free_scopes_.push_back(&scope);
}

void Evaluator::keep(Scope* scope) {
  for (; scope && !scope->kept; scope = scope->parent) scope->kept = true;
}

Result<std::string> Evaluator::render(const Body& body, std::vector<std::pair<std::string, Value>> variables) {
  std::string out;
  out_ = &out;
  Scope& root = new_scope(nullptr);
  root.names = std::move(variables);
  SILLOK_TRY(execute(body, root));
  if (heap_.exhausted()) return fail(ErrorCode::kLimit, "template: rendering exceeds its limit of work or memory");
  return out;
}

Status Evaluator::write(std::string_view text) {
  if (out_->size() + text.size() > heap_.limits().output_bytes || !heap_.spend_bytes(text.size())) {
    return fail(ErrorCode::kLimit, "the rendered text exceeds its limit of " +
                                       std::to_string(heap_.limits().output_bytes >> 20) + " MiB");
  }
  *out_ += text;
  return {};
}

Result<std::string> Evaluator::captured(const Body& body, Scope& scope) {
  std::string text;
  std::string* const outer = std::exchange(out_, &text);
  auto flow = execute(body, scope);
  out_ = outer;
  if (!flow) return fail(std::move(flow).error());
  return text;
}

Result<Evaluator::Flow> Evaluator::execute(const Body& body, Scope& scope) {
  if (++depth_ > heap_.limits().depth) {
    --depth_;
    return fail(ErrorCode::kLimit, "nested more than " + std::to_string(heap_.limits().depth) + " deep");
  }
  for (const StatementPtr& s : body) {
    auto flow = execute(*s, scope);
    if (!flow) {
      --depth_;
      return at(s->offset, std::move(flow).error());
    }
    if (*flow != Flow::kOn) {
      --depth_;
      return *flow;
    }
  }
  --depth_;
  return Flow::kOn;
}

Result<Evaluator::Flow> Evaluator::execute(const Statement& s, Scope& scope) {
  if (!heap_.spend(1)) return fail(ErrorCode::kLimit, "rendering exceeds its limit of work or memory");
  switch (s.kind) {
    case Statement::Kind::kText: SILLOK_TRY(write(s.text)); break;
    case Statement::Kind::kOutput: {
      SILLOK_ASSIGN(const Value value, evaluate(*s.expression, scope));
      if (value.is_string()) SILLOK_TRY(write(*value.text));
      else SILLOK_TRY(write(to_text(value, heap_)));
      break;
    }
    case Statement::Kind::kIf:
      for (const auto& [condition, body] : s.branches) {
        SILLOK_ASSIGN(const Value value, evaluate(*condition, scope));
        if (truthy(value)) return execute(body, scope);
      }
      return execute(s.otherwise, scope);
    case Statement::Kind::kFor: return execute_for(s, scope);
    case Statement::Kind::kSet: {
      SILLOK_ASSIGN(Value value, evaluate(*s.expression, scope));
      SILLOK_TRY(assign(s.target, std::move(value), scope));
      break;
    }
    case Statement::Kind::kSetBlock: {
      SILLOK_ASSIGN(std::string text, captured(s.body, new_scope(&scope)));
      Value value = Value::of_string(std::move(text));
      if (s.expression) {
        SILLOK_ASSIGN(value, evaluate_filters(*s.expression, &value, scope));
      }
      SILLOK_TRY(assign(s.target, std::move(value), scope));
      break;
    }
    case Statement::Kind::kMacro: {
      Callable macro;
      macro.name = s.text;
      macro.macro = &s;
      macro.scope = &scope;
      keep(&scope);
      Target target;
      target.name = s.text;
      SILLOK_TRY(assign(target, Value::of_callable(heap_.callable(std::move(macro))), scope));
      break;
    }
    case Statement::Kind::kCallBlock: {
      Callable caller;
      caller.name = "caller";
      caller.macro = &s;
      caller.scope = &scope;
      keep(&scope);
      SILLOK_ASSIGN(const Value callee, evaluate(*s.expression->parts[0], scope));
      SILLOK_ASSIGN(Arguments arguments, evaluate_arguments(s.expression->arguments, scope));
      arguments.named.emplace_back("caller", Value::of_callable(heap_.callable(std::move(caller))));
      SILLOK_ASSIGN(const Value value, call(callee, std::move(arguments)));
      SILLOK_TRY(write(to_text(value, heap_)));
      break;
    }
    case Statement::Kind::kFilterBlock: {
      SILLOK_ASSIGN(std::string text, captured(s.body, new_scope(&scope)));
      const Value input = Value::of_string(std::move(text));
      SILLOK_ASSIGN(const Value value, evaluate_filters(*s.expression, &input, scope));
      SILLOK_TRY(write(to_text(value, heap_)));
      break;
    }
    case Statement::Kind::kWith: {
      Scope& inner = new_scope(&scope);
      for (const auto& [target, expression] : s.assignments) {
        SILLOK_ASSIGN(Value value, evaluate(*expression, scope));
        SILLOK_TRY(assign(target, std::move(value), inner));
      }
      return execute(s.body, inner);
    }
    case Statement::Kind::kScope: return execute(s.body, new_scope(&scope));
    case Statement::Kind::kBreak: return Flow::kBreak;
    case Statement::Kind::kContinue: return Flow::kContinue;
  }
  return Flow::kOn;
}

// The items to loop over: those that pass `if`, which sees the targets but not `loop`.
Result<Value> Evaluator::filtered_iteration(const Statement& s, Scope& scope) {
  SILLOK_ASSIGN(const Value iterable, evaluate(*s.expression, scope));
  SILLOK_ASSIGN(std::vector<Value> items, iterate(iterable, heap_));
  if (s.condition) {
    std::vector<Value> kept;
    for (Value& item : items) {
      Scope& inner = new_scope(&scope);
      SILLOK_TRY(assign(s.target, item, inner));
      SILLOK_ASSIGN(const Value wanted, evaluate(*s.condition, inner));
      if (truthy(wanted)) kept.push_back(std::move(item));
      release(inner);
    }
    items = std::move(kept);
  }
  return Value::of_list(heap_.list(std::move(items)));
}

Result<Evaluator::Flow> Evaluator::execute_for(const Statement& s, Scope& scope) {
  SILLOK_ASSIGN(const Value items, filtered_iteration(s, scope));
  if (items.list->items.empty()) return execute(s.otherwise, new_scope(&scope));
  Value loop;
  loop.kind = jinja::Kind::kLoop;
  loop.loop = heap_.loop(Loop{items.list->items, 0, ++loop_depth_, std::nullopt});
  for (size_t i = 0; i < loop.loop->items.size(); ++i) {
    loop.loop->index = i;
    Scope& inner = new_scope(&scope);  // What an iteration sets, the next does not see.
    inner.names.emplace_back("loop", loop);
    auto assigned = assign(s.target, loop.loop->items[i], inner);
    if (!assigned) {
      --loop_depth_;
      return fail(std::move(assigned).error());
    }
    auto flow = execute(s.body, inner);
    if (!flow || *flow == Flow::kBreak) {
      --loop_depth_;
      if (!flow) return flow;
      return Flow::kOn;
    }
    release(inner);
  }
  --loop_depth_;
  return Flow::kOn;
}

Status Evaluator::assign(const Target& target, Value value, Scope& scope) {
  if (!target.parts.empty()) {
    SILLOK_ASSIGN(std::vector<Value> items, iterate(value, heap_));
    if (items.size() != target.parts.size()) {
      return fail(ErrorCode::kInvalid, "cannot unpack " + std::to_string(items.size()) + " values into " +
                                           std::to_string(target.parts.size()) + " names");
    }
    for (size_t i = 0; i < items.size(); ++i) SILLOK_TRY(assign(target.parts[i], std::move(items[i]), scope));
    return {};
  }
  if (!target.attribute.empty()) {
    const Value owner = lookup(target.name, scope);
    if (!owner.is(jinja::Kind::kNamespace)) {
      return fail(ErrorCode::kInvalid, "cannot assign to " + target.name + "." + target.attribute + ": '" +
                                           target.name + "' is not a namespace");
    }
    owner.dict->set(Value::of_string(target.attribute), std::move(value));
    return {};
  }
  for (auto& [name, held] : scope.names) {
    if (name == target.name) {
      held = std::move(value);
      return {};
    }
  }
  scope.names.emplace_back(target.name, std::move(value));
  return {};
}

Result<Value> Evaluator::call_macro(const Callable& macro, Arguments& arguments) {
  const Statement& s = *macro.macro;
  Scope& scope = new_scope(macro.scope);
  const size_t count = s.parameters.size();
  if (arguments.positional.size() > count && !s.uses_varargs) {
    return fail(ErrorCode::kInvalid, "macro '" + macro.name + "' takes at most " + std::to_string(count) + " arguments");
  }
  std::vector<bool> used(arguments.named.size());
  for (size_t i = 0; i < count; ++i) {
    const auto& [name, initial] = s.parameters[i];
    Value value = Value::undefined("parameter '" + name + "' was not provided");
    bool given = i < arguments.positional.size();
    if (given) value = arguments.positional[i];
    for (size_t n = 0; n < arguments.named.size(); ++n) {
      if (arguments.named[n].first != name) continue;
      if (given) return fail(ErrorCode::kInvalid, "macro '" + macro.name + "' got '" + name + "' twice");
      given = used[n] = true;
      value = arguments.named[n].second;
    }
    if (!given && initial) {
      SILLOK_ASSIGN(value, evaluate(*initial, scope));
    }
    scope.names.emplace_back(name, std::move(value));
  }
  Dict* rest = heap_.dict();
  for (size_t n = 0; n < arguments.named.size(); ++n) {
    const auto& [name, value] = arguments.named[n];
    if (used[n]) continue;
    if (name == "caller") scope.names.emplace_back(name, value);
    else if (s.uses_kwargs) rest->set(Value::of_string(name), value);
    else return fail(ErrorCode::kInvalid, "macro '" + macro.name + "' has no parameter '" + name + "'");
  }
  if (s.uses_kwargs) scope.names.emplace_back("kwargs", Value::of_dict(rest));
  if (s.uses_varargs) {
    std::vector<Value> extra;
    for (size_t i = count; i < arguments.positional.size(); ++i) extra.push_back(arguments.positional[i]);
    scope.names.emplace_back("varargs", Value::of_list(heap_.list(std::move(extra), ListForm::kTuple)));
  }
  SILLOK_ASSIGN(std::string text, captured(s.body, scope));
  release(scope);
  return Value::of_string(std::move(text));
}

}  // namespace sillok::model::jinja
