// /v1/models, /v1/embeddings, /v1/rerank.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "server/openai.h"

namespace sillok::server {
namespace {

constexpr size_t kMaxInputs = 2048, kMaxDocuments = 1024, kMaxTextBytes = 1 << 20;

Json model_json(std::string_view name, int64_t created) {
  return {{"id", name}, {"object", "model"}, {"created", created}, {"owned_by", "sillok"}};
}

std::vector<Json> models_of(const App& app) {
  const int64_t created = app.started / 1'000'000;
  const std::shared_ptr<Models> models = app.models();
  std::vector<Json> list = {model_json(kRecordsModel, created)};
  if (models->writer() != nullptr) list.push_back(model_json(models->writer()->name, created));
  for (const auto& [name, file] : models->files()) {
    if (models->writer() != nullptr && models->writer()->name == name) continue;
    const auto gguf = model::Gguf::open(file);
    if (!gguf) continue;
    const std::string architecture = (*gguf)->text("general.architecture").value_or("");
    const bool encoder = !(*gguf)->boolean(architecture + ".attention.causal").value_or(true) || (*gguf)->integer(architecture + ".pooling_type").value_or(0) > 0;
    if (encoder) list.push_back(model_json(name, created));
  }
  return list;
}

Result<std::vector<std::vector<float>>> embed(LoadedModel& model, const std::vector<std::string>& texts, size_t& tokens) {
  std::vector<std::vector<model::Token>> encoded;
  tokens = 0;
  for (const std::string& text : texts) {
    encoded.push_back(model.tokenizer().encode(text, {.special = true, .parse_special = false}));
    tokens += encoded.back().size();
  }
  return model.engine->embed(encoded);
}

Result<std::vector<std::string>> texts_of(const Json& value, const char* name, size_t most) {
  std::vector<std::string> texts;
  const auto add = [&](const Json& each) -> Status {
    const Json* text = &each;
    if (each.is_object() && each.contains("text")) text = &each["text"];
    if (!text->is_string()) return fail(ErrorCode::kInvalid, "\"" + std::string(name) + "\" must be a string or a list of strings");
    texts.push_back(text->get<std::string>());
    if (texts.back().size() > kMaxTextBytes) return fail(ErrorCode::kInvalid, "\"" + std::string(name) + "\" holds a text of more than a mebibyte");
    return {};
  };
  if (value.is_array()) {
    if (value.empty() || value.size() > most) return fail(ErrorCode::kInvalid, "\"" + std::string(name) + "\" must hold 1 to " + std::to_string(most) + " texts");
    for (const Json& each : value) SILLOK_TRY(add(each));
  } else {
    SILLOK_TRY(add(value));
  }
  return texts;
}

std::string base64(const std::vector<float>& values) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t block = 0;
    for (size_t k = 0; k < 3; ++k) block = block << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? kDigits[block >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace

Response openai_models(App& app, Request&) {
  Json list = Json::array();
  for (Json& model : models_of(app)) list.push_back(std::move(model));
  return json_response({{"object", "list"}, {"data", std::move(list)}});
}

Response openai_model(App& app, Request& request) {
  for (Json& model : models_of(app)) {
    if (model["id"] == request.captures[0]) return json_response(std::move(model));
  }
  return openai_error({ErrorCode::kNotFound, "there is no model '" + shorten(clean_utf8(request.captures[0]), 100) + "'"}, "model");
}

Response openai_embeddings(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return openai_error(body.error());
  const auto name = required_text(*body, "model");
  if (!name) return openai_error(name.error(), "model");
  const auto input = body->find("input");
  if (input == body->end() || input->is_null()) return openai_error({ErrorCode::kInvalid, "\"input\" is missing"}, "input");
  auto texts = texts_of(*input, "input", kMaxInputs);
  if (!texts) return openai_error(texts.error(), "input");
  const auto format = text_field(*body, "encoding_format");
  if (!format) return openai_error(format.error(), "encoding_format");
  const bool packed = format->value_or("float") == "base64";
  const auto model = app.models()->encoder(*name);
  if (!model) return openai_error(model.error(), "model");
  Response response;
  response.later = [&app, who = request.identity, model = *model, texts = std::move(*texts), packed, name = *name] {
    size_t tokens = 0;
    const auto vectors = embed(*model, texts, tokens);
    if (!vectors) return openai_error(vectors.error(), "input");
    if (const auto kept = app.record(who, "embed", name, "", {{"texts", texts.size()}, {"tokens", tokens}}); !kept) return openai_error(kept.error());
    Json data = Json::array();
    for (size_t i = 0; i < vectors->size(); ++i) {
      data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", packed ? Json(base64((*vectors)[i])) : Json((*vectors)[i])}});
    }
    return json_response({{"object", "list"}, {"data", std::move(data)}, {"model", name}, {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}});
  };
  return response;
}

// With an encoder's name by the angle of vectors; with "sillok" by the words of the query, weighted as search does.
Response openai_rerank(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return openai_error(body.error());
  const auto query = required_text(*body, "query");
  if (!query) return openai_error(query.error(), "query");
  const auto documents = body->find("documents");
  if (documents == body->end()) return openai_error({ErrorCode::kInvalid, "\"documents\" is missing"}, "documents");
  auto texts = texts_of(*documents, "documents", kMaxDocuments);
  if (!texts) return openai_error(texts.error(), "documents");
  const auto top = integer_field(*body, "top_n", 1, kMaxDocuments);
  if (!top) return openai_error(top.error(), "top_n");
  const auto whole = flag_field(*body, "return_documents");
  if (!whole) return openai_error(whole.error(), "return_documents");
  const auto named = text_field(*body, "model");
  if (!named) return openai_error(named.error(), "model");
  const std::string name = named->value_or(std::string(kRecordsModel));
  std::shared_ptr<LoadedModel> model;
  if (name != kRecordsModel) {
    auto found = app.models()->encoder(name);
    if (!found) return openai_error(found.error(), "model");
    model = std::move(*found);
  }
  Response response;
  response.later = [&app, who = request.identity, model, name, query = *query, texts = std::move(*texts), most = static_cast<size_t>(top->value_or(kMaxDocuments)),
                    whole = whole->value_or(true)]() -> Response {
    std::vector<double> scores;
    size_t tokens = 0;
    if (model != nullptr) {
      std::vector<std::string> all = {query};
      all.insert(all.end(), texts.begin(), texts.end());
      const auto vectors = embed(*model, all, tokens);
      if (!vectors) return openai_error(vectors.error(), "documents");
      for (size_t i = 1; i < vectors->size(); ++i) {
        scores.push_back(std::inner_product((*vectors)[0].begin(), (*vectors)[0].end(), (*vectors)[i].begin(), 0.0));
      }
    } else {
      scores = search::score_texts(query, texts);
    }
    std::vector<size_t> order(texts.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    order.resize(std::min(order.size(), most));
    if (const auto kept = app.record(who, "rerank", name, "", {{"query", query}, {"texts", texts.size()}}); !kept) return openai_error(kept.error());
    Json results = Json::array();
    for (const size_t i : order) {
      Json result = {{"index", i}, {"relevance_score", scores[i]}};
      if (whole) result["document"] = {{"text", texts[i]}};
      results.push_back(std::move(result));
    }
    return json_response({{"model", name}, {"results", std::move(results)}, {"usage", {{"total_tokens", tokens}}}});
  };
  return response;
}

}  // namespace sillok::server
