// Private to server: every route, in one table, which routing and the OpenAPI document both read.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/http.h"

namespace sillok::server {

struct App;

enum class Body : uint8_t { kNone, kJson, kMultipart };
enum class Entry : uint8_t { kOpen, kSignedIn, kScope };  // who may enter: everybody, whoever is signed in, who has `scope`

struct Parameter {
  const char* name;
  const char* type;         // of JSON Schema: "string", "integer"
  const char* description;
  bool required = false;
};
struct Reply {
  int status;
  const char* schema;       // a name in openapi_schemas(), or "" for no body
  const char* type = "application/json";
};

struct Route {
  const char* method;
  const char* pattern;      // "/api/records/{id}/html"
  Entry entry = Entry::kScope;
  govern::Scope scope = govern::Scope::kRead;
  Surface surface = Surface::kNative;
  Body body = Body::kNone;
  Response (*call)(App&, Request&) = nullptr;
  const char* operation = "";  // operationId
  const char* summary = "";
  std::vector<Parameter> query = {};
  const char* body_schema = "";
  std::vector<Reply> replies = {};
};

inline constexpr uint64_t kMaxJsonBody = 8 << 20;  // a conversation with long evidence in it fits; 413 above

std::span<const Route> routes();
// Finds the route and fills the captures; otherwise 404, or 405 with Allow.
std::optional<Response> find_route(Request& request);
Surface surface_of(std::string_view path);

// The routes' functions, by file.
// ops.cc
Response healthz(App&, Request&);
Response readyz(App&, Request&);
Response metrics(App&, Request&);
Response openapi(App&, Request&);
Response system(App&, Request&);
// identity.cc
Response first_open(App&, Request&);
Response first_use(App&, Request&);
Response sign_in(App&, Request&);
Response who_am_i(App&, Request&);
Response sign_out(App&, Request&);
Response change_own_password(App&, Request&);
// sign_in.cc
Response sign_in_ways(App&, Request&);
Response oidc_begin(App&, Request&);
Response oidc_return(App&, Request&);
// ask.cc
Response search(App&, Request&);
Response ask(App&, Request&);
// records.cc
Response list_records(App&, Request&);
Response show_record(App&, Request&);
Response record_html(App&, Request&);
Response record_text(App&, Request&);
Response record_original(App&, Request&);
Response record_blocks(App&, Request&);
Response record_links(App&, Request&);
// changes.cc
Response erase_record(App&, Request&);
Response change_label(App&, Request&);
Response list_proposals(App&, Request&);
Response decide_proposal(App&, Request&);
// jobs.cc, upload.cc
Response upload(App&, Request&);
Response list_jobs(App&, Request&);
Response show_job(App&, Request&);
Response cancel_job(App&, Request&);
// gold.cc
// kConflict where the confined server may not write the gold questions: outside the home.
Status gold_writable(const App& app);
Response list_gold(App&, Request&);
Response add_gold(App&, Request&);
Response remove_gold(App&, Request&);
Response start_evaluation(App&, Request&);
Response list_evaluations(App&, Request&);
Response show_evaluation(App&, Request&);
// questions.cc
Response list_questions(App&, Request&);
Response decide_question(App&, Request&);
// people.cc
Response list_people(App&, Request&);
Response add_person(App&, Request&);
Response change_person(App&, Request&);
Response remove_person(App&, Request&);
Response list_keys(App&, Request&);
Response create_key(App&, Request&);
Response revoke_key(App&, Request&);
// audit.cc
Response find_audit(App&, Request&);
Response export_audit(App&, Request&);
Response verify_audit(App&, Request&);
// models.cc
Response list_models(App&, Request&);
// releases.cc
Response list_releases(App&, Request&);
Response show_release(App&, Request&);
// training.cc
Response list_training(App&, Request&);
Response show_training(App&, Request&);
// openai_*.cc
Response openai_models(App&, Request&);
Response openai_model(App&, Request&);
Response openai_chat(App&, Request&);
Response openai_completions(App&, Request&);
Response openai_embeddings(App&, Request&);
Response openai_rerank(App&, Request&);
// mcp.cc
Response mcp_post(App&, Request&);
Response mcp_stream(App&, Request&);
Response mcp_end(App&, Request&);

}  // namespace sillok::server
