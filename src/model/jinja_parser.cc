// Recursive descent. Binding, loosest first: `a if b else c`, or, and, not, comparisons and `in`, + -, ~, * / // %, **,
// signs, filters and tests, then . [] (). (`~` binds tighter than +: so it is in the language.)
#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "model/jinja_syntax.h"

namespace sillok::model::jinja {
namespace {

using Kind = Token::Kind;
constexpr uint32_t kMaxDepth = 200;    // of nested expressions and blocks; a level costs up to 12 frames
constexpr uint32_t kMaxHeight = 1000;  // of what chains such as a.b.c or a|b|c build without recursion

ExpressionPtr make(Expression::Kind kind, size_t offset) {
  auto e = std::make_unique<Expression>();
  e->kind = kind;
  e->offset = offset;
  return e;
}
void rise(Expression& e, const ExpressionPtr& child) {
  if (child) e.height = std::max(e.height, child->height + 1);
}
void add(Expression& e, ExpressionPtr child) {
  rise(e, child);
  e.parts.push_back(std::move(child));
}
ExpressionPtr make(Expression::Kind kind, size_t offset, ExpressionPtr a) {
  auto e = make(kind, offset);
  add(*e, std::move(a));
  return e;
}
ExpressionPtr make(Expression::Kind kind, size_t offset, ExpressionPtr a, ExpressionPtr b) {
  auto e = make(kind, offset, std::move(a));
  add(*e, std::move(b));
  return e;
}
ExpressionPtr constant(Value value, size_t offset) {
  auto e = make(Expression::Kind::kConstant, offset);
  e->value = std::move(value);
  return e;
}

class Parser {
 public:
  Parser(std::string_view source, std::vector<Token> tokens) : source_(source), tokens_(std::move(tokens)) {}

  Result<Body> run() {
    SILLOK_ASSIGN(Body body, parse_body({}));
    return body;
  }

 private:
  // ---- Token stream
  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& next() {
    const Token& t = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return t;
  }
  bool is_operator(std::string_view text, size_t ahead = 0) const {
    return peek(ahead).kind == Kind::kOperator && peek(ahead).text == text;
  }
  bool is_word(std::string_view text, size_t ahead = 0) const {
    return peek(ahead).kind == Kind::kName && peek(ahead).text == text;
  }
  bool take_operator(std::string_view text) { return is_operator(text) && (next(), true); }
  bool take_word(std::string_view text) { return is_word(text) && (next(), true); }

  tl::unexpected<Error> refuse(size_t offset, std::string_view what, ErrorCode code = ErrorCode::kInvalid) const {
    return fail(code, "template, " + place(source_, offset) + ": " + std::string(what));
  }
  std::string describe(const Token& t) const {
    switch (t.kind) {
      case Kind::kEnd: return "the end of the template";
      case Kind::kText: return "text";
      case Kind::kBlockBegin: return "'{%'";
      case Kind::kBlockEnd: return "the end of the tag";
      case Kind::kVariableBegin: return "'{{'";
      case Kind::kVariableEnd: return "'}}'";
      case Kind::kString: return "a string";
      default: return "'" + t.text + "'";
    }
  }
  tl::unexpected<Error> unexpected(std::string_view wanted) const {
    return refuse(peek().offset, "expected " + std::string(wanted) + ", found " + describe(peek()));
  }
  Status expect_operator(std::string_view text) {
    if (take_operator(text)) return {};
    return unexpected("'" + std::string(text) + "'");
  }
  Result<std::string> expect_name() {
    if (peek().kind != Kind::kName) return unexpected("a name");
    return next().text;
  }
  Status expect_block_end() {
    if (peek().kind != Kind::kBlockEnd) return unexpected("the end of the tag");
    next();
    return {};
  }

  // Counts nesting while it lives.
  struct Nested {
    explicit Nested(uint32_t& d) : depth(d) { ++depth; }
    ~Nested() { --depth; }
    uint32_t& depth;
  };
  Status check_depth() const {
    if (depth_ <= kMaxDepth) return {};
    return refuse(peek().offset, "nested more than " + std::to_string(kMaxDepth) + " deep", ErrorCode::kLimit);
  }

  Status check_height(const Expression& e) const {
    if (e.height <= kMaxHeight) return {};
    return refuse(e.offset, "more than " + std::to_string(kMaxHeight) + " steps in one chain", ErrorCode::kLimit);
  }

  // ---- Statements

  // Up to a block tag whose word is one of `ends`, which is left as the next token's word; with none, to the end.
  Result<Body> parse_body(std::initializer_list<std::string_view> ends) {
    const Nested nested(depth_);
    SILLOK_TRY(check_depth());
    Body body;
    const size_t opened = peek().offset;
    while (true) {
      const Token& t = peek();
      if (t.kind == Kind::kEnd) {
        if (ends.size() == 0) return body;
        return refuse(opened, "the block before here is not closed by {% " + std::string(*(ends.end() - 1)) + " %}");
      }
      if (t.kind == Kind::kText) {
        auto s = statement(Statement::Kind::kText);
        s->text = next().text;
        body.push_back(std::move(s));
      } else if (t.kind == Kind::kVariableBegin) {
        next();
        auto s = statement(Statement::Kind::kOutput);
        SILLOK_ASSIGN(s->expression, parse_tuple(true));
        if (peek().kind != Kind::kVariableEnd) return unexpected("'}}'");
        next();
        body.push_back(std::move(s));
      } else {
        next();
        if (peek().kind != Kind::kName) return unexpected("a tag name");
        if (std::find(ends.begin(), ends.end(), peek().text) != ends.end()) return body;
        SILLOK_ASSIGN(StatementPtr s, parse_statement());
        body.push_back(std::move(s));
      }
    }
  }

  StatementPtr statement(Statement::Kind kind) const {
    auto s = std::make_unique<Statement>();
    s->kind = kind;
    s->offset = peek().offset;
    return s;
  }

  // The body of a tag just read up to its end, and the end tag.
  Result<Body> parse_block(std::string_view end) {
    SILLOK_TRY(expect_block_end());
    SILLOK_ASSIGN(Body body, parse_body({end}));
    next();
    SILLOK_TRY(expect_block_end());
    return body;
  }

  Result<StatementPtr> parse_statement() {
    const Token tag = peek();
    const std::string& word = tag.text;
    if (word == "if") return parse_if();
    if (word == "for") return parse_for();
    if (word == "set") return parse_set();
    if (word == "macro") return parse_macro();
    if (word == "call") return parse_call_block();
    if (word == "filter") return parse_filter_block();
    if (word == "with") return parse_with();
    if (word == "generation") {
      auto s = statement(Statement::Kind::kScope);
      next();
      SILLOK_ASSIGN(s->body, parse_block("endgeneration"));
      return s;
    }
    if (word == "break" || word == "continue") {
      if (loops_ == 0) return refuse(tag.offset, "'" + word + "' outside a loop");
      auto s = statement(word == "break" ? Statement::Kind::kBreak : Statement::Kind::kContinue);
      next();
      SILLOK_TRY(expect_block_end());
      return s;
    }
    for (const std::string_view one : {"extends", "include", "import", "from", "block"}) {
      if (word == one) {
        return refuse(tag.offset, "'" + word + "' needs other templates; a chat template is one file",
                      ErrorCode::kUnsupported);
      }
    }
    return refuse(tag.offset, "unknown or misplaced tag '" + word + "'");
  }

  Result<StatementPtr> parse_if() {
    auto s = statement(Statement::Kind::kIf);
    while (true) {  // at `if` or `elif`
      next();
      SILLOK_ASSIGN(ExpressionPtr condition, parse_tuple(false));
      SILLOK_TRY(expect_block_end());
      SILLOK_ASSIGN(Body body, parse_body({"elif", "else", "endif"}));
      s->branches.emplace_back(std::move(condition), std::move(body));
      if (!is_word("elif")) break;
    }
    if (next().text == "else") {
      SILLOK_TRY(expect_block_end());
      SILLOK_ASSIGN(s->otherwise, parse_body({"endif"}));
      next();
    }
    SILLOK_TRY(expect_block_end());
    return s;
  }

  Result<StatementPtr> parse_for() {
    auto s = statement(Statement::Kind::kFor);
    next();
    SILLOK_ASSIGN(s->target, parse_targets(false));
    if (!take_word("in")) return unexpected("'in'");
    SILLOK_ASSIGN(s->expression, parse_tuple(false));
    if (take_word("if")) {
      SILLOK_ASSIGN(s->condition, parse_expression());
    }
    if (is_word("recursive")) return refuse(peek().offset, "recursive loops are not read", ErrorCode::kUnsupported);
    SILLOK_TRY(expect_block_end());
    ++loops_;
    auto body = parse_body({"else", "endfor"});
    --loops_;
    if (!body) return fail(std::move(body).error());
    s->body = std::move(*body);
    if (next().text == "else") {
      SILLOK_TRY(expect_block_end());
      SILLOK_ASSIGN(s->otherwise, parse_body({"endfor"}));
      next();
    }
    SILLOK_TRY(expect_block_end());
    return s;
  }

  Result<Target> parse_target(bool with_namespace) {
    Target target;
    if (take_operator("(")) {
      SILLOK_ASSIGN(target, parse_targets(with_namespace));
      SILLOK_TRY(expect_operator(")"));
      return target;
    }
    SILLOK_ASSIGN(target.name, expect_name());
    for (const std::string_view reserved : {"true", "false", "none", "True", "False", "None"}) {
      if (target.name == reserved) return refuse(peek().offset, "cannot assign to " + target.name);
    }
    if (with_namespace && take_operator(".")) {
      SILLOK_ASSIGN(target.attribute, expect_name());
    }
    return target;
  }

  Result<Target> parse_targets(bool with_namespace) {
    const Nested nested(depth_);
    SILLOK_TRY(check_depth());
    SILLOK_ASSIGN(Target first, parse_target(with_namespace));
    if (!is_operator(",")) return first;
    Target all;
    all.parts.push_back(std::move(first));
    while (take_operator(",")) {
      if (is_word("in") || is_operator("=") || is_operator(")")) break;
      SILLOK_ASSIGN(Target one, parse_target(with_namespace));
      all.parts.push_back(std::move(one));
    }
    return all;
  }

  Result<StatementPtr> parse_set() {
    auto s = statement(Statement::Kind::kSet);
    next();
    SILLOK_ASSIGN(s->target, parse_targets(true));
    if (take_operator("=")) {
      SILLOK_ASSIGN(s->expression, parse_tuple(true));
      SILLOK_TRY(expect_block_end());
      return s;
    }
    s->kind = Statement::Kind::kSetBlock;
    if (is_operator("|")) {
      SILLOK_ASSIGN(s->expression, parse_filters(nullptr));
    }
    SILLOK_ASSIGN(s->body, parse_block("endset"));
    return s;
  }

  Status parse_parameters(Statement& s) {
    SILLOK_TRY(expect_operator("("));
    while (!is_operator(")")) {
      if (!s.parameters.empty()) SILLOK_TRY(expect_operator(","));
      if (is_operator(")")) break;
      SILLOK_ASSIGN(std::string name, expect_name());
      ExpressionPtr initial;
      if (take_operator("=")) {
        SILLOK_ASSIGN(initial, parse_expression());
      } else if (!s.parameters.empty() && s.parameters.back().second) {
        return refuse(peek().offset, "a parameter without a default follows one with a default");
      }
      s.parameters.emplace_back(std::move(name), std::move(initial));
    }
    return expect_operator(")");
  }

  // A macro's or caller's body; notes what it may be given beyond its parameters.
  Status parse_callable_body(Statement& s, std::string_view end) {
    const size_t from = at_;
    const int loops = std::exchange(loops_, 0);
    auto body = parse_block(end);
    loops_ = loops;
    if (!body) return fail(std::move(body).error());
    s.body = std::move(*body);
    for (size_t i = from; i < at_; ++i) {
      if (tokens_[i].kind != Kind::kName) continue;
      s.uses_varargs |= tokens_[i].text == "varargs";
      s.uses_kwargs |= tokens_[i].text == "kwargs";
    }
    return {};
  }

  Result<StatementPtr> parse_macro() {
    auto s = statement(Statement::Kind::kMacro);
    next();
    SILLOK_ASSIGN(s->text, expect_name());
    SILLOK_TRY(parse_parameters(*s));
    SILLOK_TRY(parse_callable_body(*s, "endmacro"));
    return s;
  }

  Result<StatementPtr> parse_call_block() {
    auto s = statement(Statement::Kind::kCallBlock);
    next();
    s->text = "caller";
    if (is_operator("(")) SILLOK_TRY(parse_parameters(*s));
    SILLOK_ASSIGN(s->expression, parse_expression());
    if (s->expression->kind != Expression::Kind::kCall) return refuse(s->offset, "expected a call");
    SILLOK_TRY(parse_callable_body(*s, "endcall"));
    return s;
  }

  Result<StatementPtr> parse_filter_block() {
    auto s = statement(Statement::Kind::kFilterBlock);
    next();
    SILLOK_ASSIGN(s->expression, parse_filter(nullptr));
    SILLOK_ASSIGN(s->expression, parse_filters(std::move(s->expression)));
    SILLOK_ASSIGN(s->body, parse_block("endfilter"));
    return s;
  }

  Result<StatementPtr> parse_with() {
    auto s = statement(Statement::Kind::kWith);
    next();
    while (peek().kind != Kind::kBlockEnd) {
      if (!s->assignments.empty()) SILLOK_TRY(expect_operator(","));
      SILLOK_ASSIGN(Target target, parse_target(false));
      SILLOK_TRY(expect_operator("="));
      SILLOK_ASSIGN(ExpressionPtr value, parse_expression());
      s->assignments.emplace_back(std::move(target), std::move(value));
    }
    SILLOK_ASSIGN(s->body, parse_block("endwith"));
    return s;
  }

  // ---- Expressions

  bool at_tuple_end() const {
    const Kind kind = peek().kind;
    return kind == Kind::kVariableEnd || kind == Kind::kBlockEnd || is_operator(")");
  }

  // a, b, c without brackets. A condition is not part of what `for x in` and `if` take.
  Result<ExpressionPtr> parse_tuple(bool with_condition) {
    const size_t offset = peek().offset;
    const auto one = [&] { return with_condition ? parse_expression() : parse_or_nested(); };
    SILLOK_ASSIGN(ExpressionPtr first, one());
    if (!is_operator(",")) return first;
    auto tuple = make(Expression::Kind::kTuple, offset, std::move(first));
    while (take_operator(",")) {
      if (at_tuple_end()) break;
      SILLOK_ASSIGN(ExpressionPtr item, one());
      add(*tuple, std::move(item));
    }
    return tuple;
  }

  Result<ExpressionPtr> parse_or_nested() {
    const Nested nested(depth_);
    SILLOK_TRY(check_depth());
    return parse_or();
  }

  Result<ExpressionPtr> parse_expression() {
    const Nested nested(depth_);
    SILLOK_TRY(check_depth());
    const size_t offset = peek().offset;
    SILLOK_ASSIGN(ExpressionPtr value, parse_or());
    while (take_word("if")) {
      SILLOK_TRY(check_height(*value));
      SILLOK_ASSIGN(ExpressionPtr condition, parse_or());
      ExpressionPtr otherwise;
      if (take_word("else")) {
        SILLOK_ASSIGN(otherwise, parse_expression());
      }
      value = make(Expression::Kind::kCondition, offset, std::move(condition), std::move(value));
      add(*value, std::move(otherwise));
    }
    return value;
  }

  // `or` and `and` hold all their operands in one node: a chain of any length nests no deeper.
  Result<ExpressionPtr> parse_or() {
    const size_t offset = peek().offset;
    SILLOK_ASSIGN(ExpressionPtr left, parse_and());
    if (!is_word("or")) return left;
    auto node = make(Expression::Kind::kOr, offset, std::move(left));
    while (take_word("or")) {
      SILLOK_ASSIGN(ExpressionPtr right, parse_and());
      add(*node, std::move(right));
    }
    return node;
  }

  Result<ExpressionPtr> parse_and() {
    const size_t offset = peek().offset;
    SILLOK_ASSIGN(ExpressionPtr left, parse_not());
    if (!is_word("and")) return left;
    auto node = make(Expression::Kind::kAnd, offset, std::move(left));
    while (take_word("and")) {
      SILLOK_ASSIGN(ExpressionPtr right, parse_not());
      add(*node, std::move(right));
    }
    return node;
  }

  Result<ExpressionPtr> parse_not() {
    const size_t offset = peek().offset;
    if (!is_word("not")) return parse_compare();
    const Nested nested(depth_);
    SILLOK_TRY(check_depth());
    next();
    SILLOK_ASSIGN(ExpressionPtr operand, parse_not());
    return make(Expression::Kind::kNot, offset, std::move(operand));
  }

  Result<ExpressionPtr> parse_compare() {
    const size_t offset = peek().offset;
    SILLOK_ASSIGN(ExpressionPtr left, parse_sum());
    ExpressionPtr node;
    while (true) {
      std::string op;
      for (const std::string_view one : {"==", "!=", ">=", "<=", ">", "<"}) {
        if (op.empty() && take_operator(one)) op = one;
      }
      if (op.empty() && take_word("in")) op = "in";
      if (op.empty() && is_word("not") && is_word("in", 1)) {
        next();
        next();
        op = "not in";
      }
      if (op.empty()) break;
      if (!node) node = make(Expression::Kind::kCompare, offset, std::move(left));
      node->operators.push_back(std::move(op));
      SILLOK_ASSIGN(ExpressionPtr right, parse_sum());
      add(*node, std::move(right));
    }
    return node ? std::move(node) : std::move(left);
  }

  using Level = Result<ExpressionPtr> (Parser::*)();
  // operand (op operand)*, in one node evaluated from the left.
  Result<ExpressionPtr> parse_binary(std::initializer_list<std::string_view> operators, Level operand) {
    const size_t offset = peek().offset;
    SILLOK_ASSIGN(ExpressionPtr left, (this->*operand)());
    ExpressionPtr node;
    while (true) {
      std::string op;
      for (const std::string_view one : operators) {
        if (op.empty() && take_operator(one)) op = one;
      }
      if (op.empty()) return node ? std::move(node) : std::move(left);
      if (!node) node = make(Expression::Kind::kBinary, offset, std::move(left));
      node->operators.push_back(std::move(op));
      SILLOK_ASSIGN(ExpressionPtr right, (this->*operand)());
      add(*node, std::move(right));
    }
  }
  Result<ExpressionPtr> parse_sum() { return parse_binary({"+", "-"}, &Parser::parse_concat); }
  Result<ExpressionPtr> parse_concat() {
    const size_t offset = peek().offset;
    SILLOK_ASSIGN(ExpressionPtr left, parse_product());
    if (!is_operator("~")) return left;
    auto node = make(Expression::Kind::kConcat, offset, std::move(left));
    while (take_operator("~")) {
      SILLOK_ASSIGN(ExpressionPtr right, parse_product());
      add(*node, std::move(right));
    }
    return node;
  }
  Result<ExpressionPtr> parse_product() { return parse_binary({"*", "/", "//", "%"}, &Parser::parse_power); }
  Result<ExpressionPtr> parse_power() { return parse_binary({"**"}, &Parser::parse_filtered_unary); }
  Result<ExpressionPtr> parse_filtered_unary() { return parse_unary(true); }

  Result<ExpressionPtr> parse_unary(bool with_filters) {
    const size_t offset = peek().offset;
    ExpressionPtr node;
    if (is_operator("-") || is_operator("+")) {
      const Nested nested(depth_);
      SILLOK_TRY(check_depth());
      const bool minus = next().text == "-";
      SILLOK_ASSIGN(ExpressionPtr operand, parse_unary(false));
      node = make(minus ? Expression::Kind::kNegate : Expression::Kind::kPlus, offset, std::move(operand));
    } else {
      SILLOK_ASSIGN(node, parse_primary());
    }
    SILLOK_ASSIGN(node, parse_postfix(std::move(node)));
    if (with_filters) {
      SILLOK_ASSIGN(node, parse_filters(std::move(node)));
    }
    return node;
  }

  Result<ExpressionPtr> parse_primary() {
    const Token t = peek();
    switch (t.kind) {
      case Kind::kName:
        next();
        if (t.text == "true" || t.text == "True") return constant(Value::of_boolean(true), t.offset);
        if (t.text == "false" || t.text == "False") return constant(Value::of_boolean(false), t.offset);
        if (t.text == "none" || t.text == "None") return constant(Value::none(), t.offset);
        {
          auto name = make(Expression::Kind::kName, t.offset);
          name->name = t.text;
          return name;
        }
      case Kind::kString: {
        std::string text;
        while (peek().kind == Kind::kString) text += next().text;  // "a" "b" is "ab"
        return constant(Value::of_string(std::move(text)), t.offset);
      }
      case Kind::kInteger:
      case Kind::kFloat: return parse_number();
      default: break;
    }
    if (take_operator("(")) {
      if (take_operator(")")) return make(Expression::Kind::kTuple, t.offset);
      SILLOK_ASSIGN(ExpressionPtr inner, parse_tuple(true));
      SILLOK_TRY(expect_operator(")"));
      return inner;
    }
    if (take_operator("[")) return parse_items(Expression::Kind::kList, t.offset);
    if (take_operator("{")) return parse_items(Expression::Kind::kDict, t.offset);
    return unexpected("an expression");
  }

  Result<ExpressionPtr> parse_number() {
    const Token t = next();
    const char* first = t.text.data();
    const char* last = first + t.text.size();
    if (t.kind == Kind::kFloat) {
      double value = 0;
      if (std::from_chars(first, last, value).ec != std::errc()) return refuse(t.offset, "this number is out of range");
      return constant(Value::of_float(value), t.offset);
    }
    int base = 10;
    if (t.text.size() > 1 && t.text[0] == '0' && t.text[1] > '9') {
      const char letter = static_cast<char>(t.text[1] | 0x20);
      base = letter == 'x' ? 16 : letter == 'o' ? 8 : 2;
      first += 2;
    }
    int64_t value = 0;
    const auto [end, error] = std::from_chars(first, last, value, base);
    if (error != std::errc() || end != last) return refuse(t.offset, "this integer is malformed or exceeds 64 bits");
    return constant(Value::of_integer(value), t.offset);
  }

  Result<ExpressionPtr> parse_items(Expression::Kind kind, size_t offset) {
    auto node = make(kind, offset);
    const std::string_view end = kind == Expression::Kind::kList ? "]" : "}";
    while (!is_operator(end)) {
      if (!node->parts.empty()) SILLOK_TRY(expect_operator(","));
      if (is_operator(end)) break;
      SILLOK_ASSIGN(ExpressionPtr item, parse_expression());
      add(*node, std::move(item));
      if (kind != Expression::Kind::kDict) continue;
      SILLOK_TRY(expect_operator(":"));
      SILLOK_ASSIGN(ExpressionPtr value, parse_expression());
      add(*node, std::move(value));
    }
    next();
    return node;
  }

  Result<ExpressionPtr> parse_postfix(ExpressionPtr node) {
    while (true) {
      const size_t offset = peek().offset;
      SILLOK_TRY(check_height(*node));
      if (take_operator(".")) {
        if (peek().kind == Kind::kInteger) {
          SILLOK_ASSIGN(ExpressionPtr index, parse_number());
          node = make(Expression::Kind::kItem, offset, std::move(node), std::move(index));
        } else {
          node = make(Expression::Kind::kAttribute, offset, std::move(node));
          SILLOK_ASSIGN(node->name, expect_name());
        }
      } else if (take_operator("[")) {
        SILLOK_ASSIGN(node, parse_subscript(std::move(node), offset));
      } else if (is_operator("(")) {
        SILLOK_ASSIGN(node, parse_call(std::move(node)));
      } else {
        return node;
      }
    }
  }

  Result<ExpressionPtr> parse_subscript(ExpressionPtr object, size_t offset) {
    ExpressionPtr bounds[3];
    int colons = 0;
    while (!is_operator("]")) {
      if (is_operator(":") && colons < 2) {
        next();
        ++colons;
        continue;
      }
      if (bounds[colons]) return unexpected("']'");
      SILLOK_ASSIGN(bounds[colons], parse_expression());
    }
    if (colons == 0 && !bounds[0]) return unexpected("an index");
    next();
    if (colons == 0) return make(Expression::Kind::kItem, offset, std::move(object), std::move(bounds[0]));
    auto node = make(Expression::Kind::kSlice, offset, std::move(object));
    for (ExpressionPtr& bound : bounds) add(*node, std::move(bound));
    return node;
  }

  Status parse_arguments(Expression& e) {
    CallArguments& arguments = e.arguments;
    SILLOK_TRY(expect_operator("("));
    for (bool first = true; !is_operator(")"); first = false) {
      if (!first) SILLOK_TRY(expect_operator(","));
      if (is_operator(")")) break;
      const size_t offset = peek().offset;
      if (take_operator("**")) {
        if (arguments.double_star) return refuse(offset, "a second ** argument");
        SILLOK_ASSIGN(arguments.double_star, parse_expression());
        rise(e, arguments.double_star);
      } else if (take_operator("*")) {
        if (arguments.star || arguments.double_star) return refuse(offset, "a misplaced * argument");
        SILLOK_ASSIGN(arguments.star, parse_expression());
        rise(e, arguments.star);
      } else if (peek().kind == Kind::kName && is_operator("=", 1)) {
        std::string name = next().text;
        next();
        SILLOK_ASSIGN(ExpressionPtr value, parse_expression());
        rise(e, value);
        arguments.named.emplace_back(std::move(name), std::move(value));
      } else {
        if (!arguments.named.empty() || arguments.star || arguments.double_star) {
          return refuse(offset, "a positional argument follows a named one");
        }
        SILLOK_ASSIGN(ExpressionPtr value, parse_expression());
        rise(e, value);
        arguments.positional.push_back(std::move(value));
      }
    }
    next();
    return {};
  }

  Result<ExpressionPtr> parse_call(ExpressionPtr callee) {
    auto node = make(Expression::Kind::kCall, peek().offset, std::move(callee));
    SILLOK_TRY(parse_arguments(*node));
    return node;
  }

  // `| filter`s and `is` tests, any number. `input` is null at the head of a filter block.
  Result<ExpressionPtr> parse_filters(ExpressionPtr input) {
    while (true) {
      if (input) SILLOK_TRY(check_height(*input));
      if (take_operator("|")) {
        SILLOK_ASSIGN(input, parse_filter(std::move(input)));
      } else if (input && take_word("is")) {
        SILLOK_ASSIGN(input, parse_test(std::move(input)));
      } else if (input && is_operator("(")) {
        SILLOK_ASSIGN(input, parse_call(std::move(input)));
      } else {
        return input;
      }
    }
  }

  Result<ExpressionPtr> parse_filter(ExpressionPtr input) {
    auto node = make(Expression::Kind::kFilter, peek().offset, std::move(input));
    SILLOK_ASSIGN(node->name, expect_name());
    if (is_operator("(")) SILLOK_TRY(parse_arguments(*node));
    return node;
  }

  Result<ExpressionPtr> parse_test(ExpressionPtr subject) {
    const size_t offset = peek().offset;
    const bool negated = take_word("not");
    auto node = make(Expression::Kind::kTest, offset, std::move(subject));
    SILLOK_ASSIGN(node->name, expect_name());
    const Kind kind = peek().kind;
    if (is_operator("(")) {
      SILLOK_TRY(parse_arguments(*node));
    } else if (kind == Kind::kString || kind == Kind::kInteger || kind == Kind::kFloat || is_operator("[") ||
               is_operator("{") || (kind == Kind::kName && !is_word("else") && !is_word("or") && !is_word("and"))) {
      if (is_word("is")) return refuse(peek().offset, "tests cannot be chained with 'is'");
      // One argument without brackets: `x is divisibleby 3`. A word that goes on the expression is none.
      if (!is_word("if") && !is_word("not") && !is_word("in")) {
        SILLOK_ASSIGN(ExpressionPtr argument, parse_primary());
        SILLOK_ASSIGN(argument, parse_postfix(std::move(argument)));
        rise(*node, argument);
        node->arguments.positional.push_back(std::move(argument));
      }
    }
    if (!negated) return node;
    return make(Expression::Kind::kNot, offset, std::move(node));
  }

  std::string_view source_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
  int loops_ = 0;
};

}  // namespace

Result<Body> parse(std::string_view source) {
  SILLOK_ASSIGN(std::vector<Token> tokens, tokenize(source));
  return Parser(source, std::move(tokens)).run();
}

}  // namespace sillok::model::jinja
