// Filters over sequences, defined in jinja_sequences.cc, for the table in jinja_filters.cc.
#pragma once

#include "model/jinja_evaluator.h"

namespace sillok::model::jinja {

Result<Value> batch(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> dictsort(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> first(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> groupby(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> items(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> join(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> last(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> list(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> map(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> maximum(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> minimum(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> reject(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> rejectattr(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> reverse(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> select(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> selectattr(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> slice_into(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> sort(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> sum(Evaluator& e, const Value& self, Arguments& arguments);
Result<Value> unique(Evaluator& e, const Value& self, Arguments& arguments);

}  // namespace sillok::model::jinja
