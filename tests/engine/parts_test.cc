// The engine's parts: pages and prefixes, who waits, what is shown of the text, guesses.
#include <gtest/gtest.h>

#include <random>

#include "engine/draft.h"
#include "engine/pages.h"
#include "engine/text_stream.h"
#include "engine/waiting.h"

namespace sillok::engine {
namespace {

using tensor::kPageTokens;

std::vector<Token> tokens_of(std::initializer_list<Token> pages) {
  std::vector<Token> tokens;
  for (const Token page : pages) tokens.insert(tokens.end(), kPageTokens, page);
  return tokens;
}

std::vector<Page> computed(PrefixTree& tree, uint64_t salt, const std::vector<Token>& tokens) {
  std::vector<Page> pages;
  for (size_t i = 0; i < tokens.size() / kPageTokens; ++i) pages.push_back(*tree.take());
  tree.keep(salt, tokens, pages);
  return pages;
}
void release(PrefixTree& tree, const std::vector<Page>& pages) {
  for (const Page page : pages) tree.release(page);
}

TEST(PrefixTree, GivesTheLongestKnownPrefix) {
  PrefixTree tree(10);
  const auto pages = computed(tree, 0, tokens_of({1, 2, 3}));
  release(tree, pages);
  EXPECT_EQ(tree.kept_pages(), 3U);
  const auto found = tree.match(0, tokens_of({1, 2, 9, 3}), 10);
  EXPECT_EQ(found, (std::vector<Page>{pages[0], pages[1]}));
  EXPECT_TRUE(tree.match(0, tokens_of({2, 1}), 10).empty());
  EXPECT_TRUE(tree.match(1, tokens_of({1, 2}), 10).empty()) << "another adapter's";
  release(tree, tree.match(0, tokens_of({1, 2, 3}), 1));
}

TEST(PrefixTree, PutsOnePageInPlaceOfTwoOfEqualContent) {
  PrefixTree tree(4);
  const auto first = computed(tree, 0, tokens_of({1, 2}));
  const auto second = computed(tree, 0, tokens_of({1, 2}));
  EXPECT_EQ(first, second);
  EXPECT_EQ(tree.free_pages(), 2U);
  release(tree, first);
  release(tree, second);
  EXPECT_EQ(tree.available(), 4U);
}

TEST(PrefixTree, TakesTheLeastRecentlyUsedLeafThatNobodyHolds) {
  PrefixTree tree(3);
  const auto old = computed(tree, 0, tokens_of({1, 2}));
  release(tree, old);
  const auto held = computed(tree, 0, tokens_of({7}));
  EXPECT_EQ(tree.take(), old[1]) << "the deeper page goes first";
  EXPECT_EQ(tree.take(), old[0]);
  EXPECT_EQ(tree.take(), std::nullopt) << "the last is held";
  EXPECT_EQ(tree.kept_pages(), 1U);
}

TEST(PrefixTree, ForgetsWhatAnAdapterComputed) {
  PrefixTree tree(4);
  const auto pages = computed(tree, 5, tokens_of({1, 2}));
  tree.forget(5, 6);
  EXPECT_EQ(tree.kept_pages(), 0U);
  EXPECT_EQ(tree.free_pages(), 2U) << "the holder's are still the holder's";
  release(tree, pages);
  EXPECT_EQ(tree.free_pages(), 4U);
}

TEST(PrefixTree, LosesNoPageUnderRandomUse) {
  constexpr uint32_t kPages = 20;
  PrefixTree tree(kPages);
  std::mt19937 random(3);
  std::vector<std::vector<Page>> holders;
  for (int i = 0; i < 20000; ++i) {
    if (!holders.empty() && random() % 2 == 0) {
      std::swap(holders[random() % holders.size()], holders.back());
      release(tree, holders.back());
      holders.pop_back();
      continue;
    }
    std::vector<Token> tokens;
    for (size_t k = 0; k < 1 + random() % 4; ++k) tokens.insert(tokens.end(), kPageTokens, static_cast<Token>(random() % 3));
    std::vector<Page> pages = tree.match(0, tokens, 8);
    while (pages.size() < tokens.size() / kPageTokens) {
      const auto page = tree.take();
      if (!page) break;
      pages.push_back(*page);
    }
    if (pages.size() == tokens.size() / kPageTokens && random() % 3 > 0) tree.keep(0, tokens, pages);
    holders.push_back(std::move(pages));
  }
  for (const auto& pages : holders) release(tree, pages);
  EXPECT_EQ(tree.available(), kPages);
  uint32_t taken = 0;
  while (tree.take()) ++taken;
  EXPECT_EQ(taken, kPages);
}

std::unique_ptr<Sequence> waiting(RequestId id, int priority, std::string client) {
  GenerateRequest request;
  request.prompt = {1};
  request.priority = priority;
  request.client = std::move(client);
  return std::make_unique<Sequence>(id, std::move(request), Events{});
}

TEST(Waiting, PriorityFirstThenClientsInTurn) {
  Waiting queue;
  for (RequestId id = 1; id <= 3; ++id) queue.push(waiting(id, 0, "loud"));
  queue.push(waiting(4, 0, "quiet"));
  queue.push(waiting(5, 1, "loud"));
  queue.push_front(waiting(6, 0, "back again"));
  EXPECT_EQ(queue.size(), 6U);
  EXPECT_EQ(queue.take_if([](const Sequence& one) { return one.id == 2; }).size(), 1U);
  std::vector<RequestId> order;
  while (queue.peek() != nullptr) {
    const RequestId next = queue.peek()->id;
    order.push_back(queue.pop()->id);
    EXPECT_EQ(next, order.back());
  }
  EXPECT_EQ(order, (std::vector<RequestId>{5, 6, 1, 4, 3}));
  EXPECT_EQ(queue.size(), 0U);
}

TEST(TextStream, ShowsWholeCharactersOnly) {
  TextStream stream({});
  const std::string text = "기록🙂é";
  std::string shown;
  for (const char byte : text) {
    const std::string more = stream.add({&byte, 1});
    EXPECT_TRUE(is_valid_utf8(more));
    shown += more;
  }
  EXPECT_EQ(shown + stream.finish(), text);
}

TEST(TextStream, HoldsBackWhatMayBecomeAStopString) {
  TextStream stream({"</end>", "끝."});
  EXPECT_EQ(stream.add("a<"), "a");
  EXPECT_EQ(stream.add("/en"), "");
  EXPECT_EQ(stream.add("x끝"), "</enx");
  EXPECT_EQ(stream.add("!"), "끝!");
  EXPECT_EQ(stream.add("b끝.c"), "b");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.add("more"), "");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, TheEndGivesWhatWasHeldBack) {
  TextStream stream({"stop"});
  EXPECT_EQ(stream.add("st"), "");
  EXPECT_EQ(stream.finish(), "st");
  TextStream broken({});
  EXPECT_EQ(broken.add("\xEA\xB8"), "");
  EXPECT_EQ(broken.finish(), "\uFFFD\uFFFD");
  TextStream malformed({});
  EXPECT_EQ(malformed.add("\xFF!"), "\uFFFD!");
}

std::vector<Token> guess(const std::vector<Token>& history, size_t most) { return look_up(history, most, kShortestMatch); }

TEST(LookUp, FollowsTheLatestPlaceOfTheLongestSuffix) {
  EXPECT_EQ(guess(std::vector<Token>{1, 2, 3, 4, 9, 1, 2}, 2), (std::vector<Token>{3, 4}));
  EXPECT_EQ(guess(std::vector<Token>{0, 1, 2, 7, 5, 1, 2, 8, 0, 1, 2}, 1), (std::vector<Token>{7})) << "three tokens beat two";
  EXPECT_EQ(guess(std::vector<Token>{1, 2, 7, 1, 2, 8, 1, 2}, 1), (std::vector<Token>{8})) << "the later of two";
  EXPECT_TRUE(guess(std::vector<Token>{1, 2, 3, 4}, 5).empty());
  EXPECT_TRUE(guess(std::vector<Token>{1}, 5).empty());
  EXPECT_TRUE(guess(std::vector<Token>{1, 2, 3, 1, 2}, 0).empty());
  EXPECT_TRUE(look_up(std::vector<Token>{1, 2, 3, 9, 1, 2, 3}, 2, 4).empty()) << "four asked for";
  EXPECT_EQ(look_up(std::vector<Token>{1, 2, 3, 4, 9, 1, 2, 3, 4}, 1, 4), (std::vector<Token>{9}));
}

}  // namespace
}  // namespace sillok::engine
