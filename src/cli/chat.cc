#include <iostream>

#include "cli/common.h"
#include "cli/session.h"

namespace sillok::cli {
namespace {

constexpr std::string_view kTemplateKey = "tokenizer.chat_template";

Result<model::ChatTemplate> chat_template(const Session& session) {
  auto source = session.model().file().text(kTemplateKey);
  if (!source) {
    return fail(ErrorCode::kUnsupported, "the model has no chat template, it is not made for conversation; use `sillok generate`");
  }
  return model::ChatTemplate::parse(std::move(*source));
}

std::string piece_of(const Session& session, std::optional<model::Token> token) {
  return token ? session.tokenizer().piece(*token, true) : std::string();
}

// Writes the next turn of the conversation to standard output as it comes, and gives it.
Result<std::string> answer_turn(const Session& session, const model::ChatTemplate& form, const engine::GenerateRequest& options,
                                const Json& messages) {
  SILLOK_ASSIGN(const std::string text, form.render(messages.dump(), "", true, piece_of(session, session.tokenizer().bos()),
                                                    piece_of(session, session.tokenizer().eos())));
  engine::GenerateRequest request = options;
  // The template writes BOS itself; where it does not, the model wants none.
  request.prompt = session.tokenizer().encode(text, {.special = false, .parse_special = true});
  SILLOK_ASSIGN(engine::Generated result, generate_to_output(session, std::move(request)));
  std::fputc('\n', stdout);
  return std::move(result.text);
}

}  // namespace

int run_chat(const Common& common, const ChatArguments& arguments) {
  const auto session = open_session(common, arguments.generate.model, {});
  if (!session) return report_error(session.error());
  const auto form = chat_template(*session);
  if (!form) return report_error(form.error());
  const auto options = request_options(*session, arguments.generate);
  if (!options) return report_error(options.error());

  Json messages = Json::array();
  if (!arguments.system.empty()) messages.push_back({{"role", "system"}, {"content", arguments.system}});
  const size_t kept = messages.size();
  const bool terminal = on_terminal(stdin);
  if (terminal) std::fprintf(stderr, "%s. An empty line or Ctrl-D ends; /new begins anew.\n", session->model().hyperparameters().name.c_str());
  for (std::string line;;) {
    if (terminal) std::fputs("> ", stderr);
    if (!std::getline(std::cin, line) || trim(line).empty()) return 0;
    if (trim(line) == "/new") {
      messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(kept), messages.end());
      continue;
    }
    messages.push_back({{"role", "user"}, {"content", clean_utf8(line)}});
    const auto answer = answer_turn(*session, *form, *options, messages);
    if (!answer) return report_error(answer.error());
    messages.push_back({{"role", "assistant"}, {"content", *answer}});
  }
}

}  // namespace sillok::cli
