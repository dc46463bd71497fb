#include "server/routes.h"

namespace sillok::server {
namespace {

using govern::Scope;

const std::vector<Route>& table() {
  static const Parameter kAsOf{"as_of", "string", "As the records stood on this day, 2026-01-31; default: today"};
  static const Parameter kVersion{"version", "integer", "The version with this number; default: the one in force"};
  static const std::vector<Parameter> kAuditQuery = {{"kind", "string", "Only this kind of entry"},
                                                     {"person", "string", "Only what this person did"},
                                                     {"q", "string", "Words in subject or details"},
                                                     {"from", "string", "From this day or time on"},
                                                     {"to", "string", "Before this day or time"},
                                                     {"before", "integer", "Only entries with a lower id"},
                                                     {"limit", "integer", "At most so many, up to 1000"}};
  constexpr auto kOpen = Entry::kOpen;
  constexpr auto kSignedIn = Entry::kSignedIn;
  constexpr auto kScope = Entry::kScope;
  constexpr auto kNative = Surface::kNative;
  constexpr auto kOpenAi = Surface::kOpenAi;
  static const std::vector<Route> routes = {
      // operators
      {"GET", "/healthz", kOpen, {}, Surface::kPlain, Body::kNone, healthz, "health", "Whether the program runs", {}, "", {{200, "Text", "text/plain"}}},
      {"GET", "/readyz", kOpen, {}, Surface::kPlain, Body::kNone, readyz, "ready", "Whether it takes requests", {}, "", {{200, "Text", "text/plain"}, {503, "Text", "text/plain"}}},
      {"GET", "/metrics", kOpen, {}, Surface::kPlain, Body::kNone, metrics, "metrics", "Figures for Prometheus", {}, "", {{200, "Text", "text/plain"}}},
      {"GET", "/api/openapi.json", kOpen, {}, kNative, Body::kNone, openapi, "describe", "This document", {}, "", {{200, "Anything"}}},
      {"GET", "/api/system", kScope, Scope::kSystem, kNative, Body::kNone, system, "system", "Disk, index, queue, throughput, files that could not be read", {}, "", {{200, "System"}}},
      // signing in
      {"GET", "/api/first", kOpen, {}, kNative, Body::kNone, first_open, "firstOpen", "Whether the first administrator is still to be made", {}, "", {{200, "First"}}},
      {"POST", "/api/first", kOpen, {}, kNative, Body::kJson, first_use, "firstUse", "Make the first administrator with the secret of the one-time link", {}, "FirstUse", {{200, "Session"}}},
      {"POST", "/api/session", kOpen, {}, kNative, Body::kJson, sign_in, "signIn", "Sign in", {}, "SignIn", {{200, "Session"}}},
      {"GET", "/api/session", kSignedIn, {}, kNative, Body::kNone, who_am_i, "whoAmI", "Who is signed in", {}, "", {{200, "Session"}}},
      {"DELETE", "/api/session", kSignedIn, {}, kNative, Body::kNone, sign_out, "signOut", "Sign out; `continue`: where the provider's own page for it is", {}, "", {{200, "SignedOut"}, {204, ""}}},
      {"POST", "/api/password", kSignedIn, {}, kNative, Body::kJson, change_own_password, "changeOwnPassword", "Change one's own password; other sessions end", {}, "PasswordChange", {{204, ""}}},
      {"GET", "/api/sign-in", kOpen, {}, kNative, Body::kNone, sign_in_ways, "signInWays", "By which providers one can sign in", {}, "", {{200, "SignInWays"}}},
      {"GET", "/api/sign-in/oidc", kOpen, {}, kNative, Body::kNone, oidc_begin, "signInOidc", "To the provider, with a browser", {}, "", {{302, ""}}},
      {"GET", "/api/sign-in/oidc/return", kOpen, {}, kNative, Body::kNone, oidc_return, "signInOidcReturn", "Back from the provider: signed in, or /#/sign-in?error=CODE",
       {{"code", "string", "To be redeemed"}, {"state", "string", "As it was sent there"}, {"iss", "string", "Who answers (RFC 9207)"}, {"error", "string", "Instead of a code"}}, "", {{302, ""}}},
      // finding and asking
      {"GET", "/api/search", kScope, Scope::kSearch, kNative, Body::kNone, search, "search", "Find passages",
       {{"q", "string", "Words, \"phrases\", title: type: label: record: after: before:", true}, {"limit", "integer", "At most so many, up to 100"}, kAsOf, {"passages", "integer", "1: several passages of a record, not only the best"}}, "", {{200, "SearchResult"}}},
      {"POST", "/api/ask", kScope, Scope::kAsk, kNative, Body::kJson, ask, "ask", "Answer a question from the records; with stream, server-sent events", {}, "AskRequest", {{200, "Answer"}}},
      // records
      {"GET", "/api/records", kScope, Scope::kRead, kNative, Body::kNone, list_records, "listRecords", "Records in order of key",
       {{"after", "string", "Start after this key"}, {"limit", "integer", "At most so many, up to 1000"}, {"format", "string", "Only this format"}, {"label", "string", "Only this label"}, {"q", "string", "Words in key or title"}, kAsOf}, "", {{200, "RecordList"}}},
      {"POST", "/api/records", kScope, Scope::kAdd, kNative, Body::kMultipart, upload, "upload", "Add files; they are kept once 202 is there, and read by a job", {}, "Upload", {{202, "JobStarted"}}},
      {"GET", "/api/records/{record}", kScope, Scope::kRead, kNative, Body::kNone, show_record, "showRecord", "One record and its versions", {kVersion, kAsOf}, "", {{200, "RecordDetail"}}},
      {"DELETE", "/api/records/{record}", kScope, Scope::kLabel, kNative, Body::kJson, erase_record, "eraseRecord", "Erase the content of all versions for good; a tombstone stays", {}, "Reason", {{204, ""}}},
      {"GET", "/api/records/{record}/html", kScope, Scope::kRead, kNative, Body::kNone, record_html, "recordHtml", "Readable, every block with an id", {kVersion, kAsOf}, "", {{200, "Text", "text/html"}}},
      {"GET", "/api/records/{record}/text", kScope, Scope::kRead, kNative, Body::kNone, record_text, "recordText", "Plain text", {kVersion, kAsOf}, "", {{200, "Text", "text/plain"}}},
      {"GET", "/api/records/{record}/original", kScope, Scope::kRead, kNative, Body::kNone, record_original, "recordOriginal", "The bytes of the file it was read from", {kVersion, kAsOf}, "", {{200, "Bytes", "application/octet-stream"}}},
      {"GET", "/api/records/{record}/blocks", kScope, Scope::kRead, kNative, Body::kNone, record_blocks, "recordBlocks", "Its blocks, for comparing", {kVersion, kAsOf}, "", {{200, "BlockList"}}},
      {"GET", "/api/records/{record}/links", kScope, Scope::kRead, kNative, Body::kNone, record_links, "recordLinks", "What it is linked with", {kVersion, kAsOf}, "", {{200, "LinkList"}}},
      {"POST", "/api/records/{record}/label", kScope, Scope::kLabel, kNative, Body::kJson, change_label, "changeLabel", "Raise its label; or propose to lower it, which a second person confirms", {}, "LabelChange", {{200, "RecordDetail"}, {202, "ProposalMade"}, {204, ""}}},
      {"GET", "/api/proposals", kScope, Scope::kLabel, kNative, Body::kNone, list_proposals, "listProposals", "Labels that somebody wants lowered", {}, "", {{200, "ProposalList"}}},
      {"POST", "/api/proposals/{proposal}", kScope, Scope::kLabel, kNative, Body::kJson, decide_proposal, "decideProposal", "Confirm or refuse it", {}, "Decision", {{204, ""}}},
      // jobs
      {"GET", "/api/jobs", kSignedIn, {}, kNative, Body::kNone, list_jobs, "listJobs", "Jobs, newest first: one's own, or all for who runs the system", {}, "", {{200, "JobList"}}},
      {"GET", "/api/jobs/{job}", kSignedIn, {}, kNative, Body::kNone, show_job, "showJob", "One job", {}, "", {{200, "Job"}}},
      {"DELETE", "/api/jobs/{job}", kSignedIn, {}, kNative, Body::kNone, cancel_job, "cancelJob", "Cancel it; what it has added stays", {}, "", {{204, ""}}},
      // gold questions
      {"GET", "/api/gold", kScope, Scope::kEvaluate, kNative, Body::kNone, list_gold, "listGold", "Gold questions", {}, "", {{200, "GoldList"}}},
      {"POST", "/api/gold", kScope, Scope::kEvaluate, kNative, Body::kJson, add_gold, "addGold", "Keep a question with its right answer", {}, "GoldNew", {{201, "Gold"}}},
      {"DELETE", "/api/gold/{gold}", kScope, Scope::kEvaluate, kNative, Body::kNone, remove_gold, "removeGold", "Remove it", {}, "", {{204, ""}}},
      {"GET", "/api/gold/proposals", kScope, Scope::kEvaluate, kNative, Body::kNone, list_questions, "listQuestions", "Questions that a model proposed, oldest first",
       {{"state", "string", "pending (default), confirmed, rejected or withdrawn"}, {"limit", "integer", "At most so many, up to 200"}, {"after", "string", "Go on after the one with this id"}}, "", {{200, "QuestionList"}}},
      {"POST", "/api/gold/proposals/{question}", kScope, Scope::kEvaluate, kNative, Body::kJson, decide_question, "decideQuestion", "Confirm it, edited or not, to teach with or to measure with; or reject it", {}, "QuestionDecision", {{200, "ProposedQuestion"}}},
      {"POST", "/api/evaluations", kScope, Scope::kEvaluate, kNative, Body::kNone, start_evaluation, "startEvaluation", "Ask all gold questions, as a job", {}, "", {{202, "JobStarted"}}},
      {"GET", "/api/evaluations", kScope, Scope::kEvaluate, kNative, Body::kNone, list_evaluations, "listEvaluations", "Answer rates, oldest first", {}, "", {{200, "EvaluationList"}}},
      {"GET", "/api/evaluations/{evaluation}", kScope, Scope::kEvaluate, kNative, Body::kNone, show_evaluation, "showEvaluation", "One, with the questions that failed", {}, "", {{200, "Evaluation"}}},
      {"GET", "/api/models", kScope, Scope::kModels, kNative, Body::kNone, list_models, "listModels", "The model files of the home", {}, "", {{200, "ModelList"}}},
      {"GET", "/api/releases", kScope, Scope::kModels, kNative, Body::kNone, list_releases, "listReleases", "Releases, newest first, and which is in force", {}, "", {{200, "ReleaseList"}}},
      {"GET", "/api/releases/{release}", kScope, Scope::kModels, kNative, Body::kNone, show_release, "showRelease", "One: its files, its report against the one in force, what stands against promoting it", {}, "", {{200, "Release"}}},
      {"GET", "/api/training", kScope, Scope::kModels, kNative, Body::kNone, list_training, "listTraining", "Training runs, newest first: how they are doing, or did", {}, "", {{200, "TrainingList"}}},
      {"GET", "/api/training/{run}", kScope, Scope::kModels, kNative, Body::kNone, show_training, "showTraining", "One, with its curve", {}, "", {{200, "TrainingRun"}}},
      // people
      {"GET", "/api/people", kScope, Scope::kPeople, kNative, Body::kNone, list_people, "listPeople", "People", {}, "", {{200, "PersonList"}}},
      {"POST", "/api/people", kScope, Scope::kPeople, kNative, Body::kJson, add_person, "addPerson", "Add a person", {}, "PersonNew", {{201, "Person"}}},
      {"PATCH", "/api/people/{name}", kScope, Scope::kPeople, kNative, Body::kJson, change_person, "changePerson", "Change some of: title, role, label, disabled, password", {}, "PersonChange", {{200, "Person"}}},
      {"DELETE", "/api/people/{name}", kScope, Scope::kPeople, kNative, Body::kNone, remove_person, "removePerson", "Disable for good; the audit log goes on naming the person", {}, "", {{204, ""}}},
      {"GET", "/api/keys", kSignedIn, {}, kNative, Body::kNone, list_keys, "listKeys", "One's own keys, or everybody's for who manages people", {}, "", {{200, "KeyList"}}},
      {"POST", "/api/keys", kSignedIn, {}, kNative, Body::kJson, create_key, "createKey", "A key for a program; its secret is told this once", {}, "KeyNew", {{201, "KeyMade"}}},
      {"DELETE", "/api/keys/{key}", kSignedIn, {}, kNative, Body::kNone, revoke_key, "revokeKey", "Revoke it", {}, "", {{204, ""}}},
      // audit
      {"GET", "/api/audit", kScope, Scope::kAudit, kNative, Body::kNone, find_audit, "findAudit", "Entries of the audit log, newest first", kAuditQuery, "", {{200, "AuditList"}}},
      {"GET", "/api/audit/export", kScope, Scope::kAudit, kNative, Body::kNone, export_audit, "exportAudit", "Entries as JSON lines, oldest first", kAuditQuery, "", {{200, "Text", "application/x-ndjson"}}},
      {"POST", "/api/audit/verify", kScope, Scope::kAudit, kNative, Body::kNone, verify_audit, "verifyAudit", "Check the whole chain and its signatures", {}, "", {{200, "Verification"}}},
      // OpenAI's and Jina's conventions
      {"GET", "/v1/models", kScope, Scope::kAsk, kOpenAi, Body::kNone, openai_models, "v1Models", "Names for `model`: sillok answers from the records, the others are models as they are", {}, "", {{200, "V1ModelList"}}},
      {"GET", "/v1/models/{model}", kScope, Scope::kAsk, kOpenAi, Body::kNone, openai_model, "v1Model", "One of them", {}, "", {{200, "V1Model"}}},
      {"POST", "/v1/chat/completions", kScope, Scope::kAsk, kOpenAi, Body::kJson, openai_chat, "v1Chat", "Chat", {}, "V1ChatRequest", {{200, "V1Chat"}}},
      {"POST", "/v1/completions", kScope, Scope::kAsk, kOpenAi, Body::kJson, openai_completions, "v1Completions", "Continue a text", {}, "V1CompletionRequest", {{200, "V1Completion"}}},
      {"POST", "/v1/embeddings", kScope, Scope::kAsk, kOpenAi, Body::kJson, openai_embeddings, "v1Embeddings", "Vectors of texts", {}, "V1EmbeddingRequest", {{200, "V1Embeddings"}}},
      {"POST", "/v1/rerank", kScope, Scope::kSearch, kOpenAi, Body::kJson, openai_rerank, "v1Rerank", "Texts in order of what they say to a query", {}, "V1RerankRequest", {{200, "V1Rerank"}}},
      // Model Context Protocol
      {"POST", "/mcp", kSignedIn, {}, Surface::kMcp, Body::kJson, mcp_post, "mcp", "Model Context Protocol: a JSON-RPC message", {}, "JsonRpc", {{200, "JsonRpc"}, {202, ""}}},
      {"GET", "/mcp", kSignedIn, {}, Surface::kMcp, Body::kNone, mcp_stream, "mcpStream", "Messages of the server, as server-sent events", {}, "", {{200, "Text", "text/event-stream"}}},
      {"DELETE", "/mcp", kSignedIn, {}, Surface::kMcp, Body::kNone, mcp_end, "mcpEnd", "End the session", {}, "", {{204, ""}}},
  };
  return routes;
}

// Whether the path fits; what stands in {braces} goes to `captures`, decoded.
bool fits(std::string_view pattern, std::string_view path, std::vector<std::string>& captures) {
  captures.clear();
  const auto wanted = split(pattern, '/'), given = split(path, '/');
  if (wanted.size() != given.size()) return false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].starts_with('{')) {
      if (wanted[i] != given[i]) return false;
      continue;
    }
    auto decoded = percent_decode(given[i], false);
    if (!decoded || decoded->empty()) return false;
    captures.push_back(std::move(*decoded));
  }
  return true;
}

}  // namespace

std::span<const Route> routes() { return table(); }

Surface surface_of(std::string_view path) {
  if (path.starts_with("/v1/")) return Surface::kOpenAi;
  if (path == "/mcp") return Surface::kMcp;
  return Surface::kNative;
}

std::optional<Response> find_route(Request& request) {
  std::string allowed;
  std::vector<std::string> captures;
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  for (const Route& route : table()) {
    if (!fits(route.pattern, request.path, captures)) continue;
    if (method == route.method) {
      request.route = &route;
      request.captures = std::move(captures);
      return std::nullopt;
    }
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == std::string_view("GET")) allowed += ", HEAD";
  }
  const Surface surface = surface_of(request.path);
  if (allowed.empty()) return error_response(surface, 404, "not_found", "there is nothing at this address; GET /api/openapi.json lists what there is");
  Response response = error_response(surface, 405, "method_not_allowed", "this address takes " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace sillok::server
