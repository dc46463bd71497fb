// Weights from one element type to another, row by row, on every core.
#pragma once

#include "model/model.h"

namespace sillok::model {

// Streams `rows` rows of `columns` elements from type `from` to type `to`. `source(r)` gives the bytes of row r of the
// output; `edit`, if set, changes its values on the way.
Status convert_rows(tensor::Type from, tensor::Type to, size_t rows, size_t columns,
                    const std::function<const char*(size_t row)>& source, const std::function<void(std::span<float>)>& edit,
                    const std::function<Status(std::string_view)>& append);

}  // namespace sillok::model
