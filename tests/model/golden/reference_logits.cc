// Prints what the reference engine computes for a model file, in the form of the golden files. Built outside this build,
// against a llama.cpp checkout: README.md says how.
//
//   reference_logits MODEL.gguf COUNT|TOKEN,TOKEN,... [ADAPTER.gguf SCALE] > NAME.txt
//
// Tokens are those given, or COUNT times 3 + (7 i i + 11 i) mod (V - 3). Decoders: logits after every token, one batch, keys and values in float32.
// Encoders: hidden states after the last layer, or the classifier's score of the whole where pooling is "rank".
#include <llama.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

void print_row(int row, const float* values, int size, int step) {
  std::printf("row %d", row);
  for (int i = 0; i < size; i += step) std::printf(" %d:%.6g", i, static_cast<double>(values[i]));
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) return 2;
  std::vector<int> given;
  if (std::strchr(argv[2], ',') != nullptr) {
    for (const char* at = argv[2]; at != nullptr; at = std::strchr(at, ',')) given.push_back(std::atoi(at += *at == ','));
  }
  const int count = given.empty() ? std::atoi(argv[2]) : static_cast<int>(given.size());
  llama_log_set([](ggml_log_level level, const char* text, void*) {
    if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
  }, nullptr);
  llama_backend_init();
  llama_model* model = llama_model_load_from_file(argv[1], llama_model_default_params());
  if (model == nullptr) return 1;
  char architecture[64] = "", pooling[16] = "";
  llama_model_meta_val_str(model, "general.architecture", architecture, sizeof(architecture));
  const bool encoder = std::strstr(architecture, "bert") != nullptr;
  llama_model_meta_val_str(model, "bert.pooling_type", pooling, sizeof(pooling));
  const bool rank = std::strcmp(pooling, "4") == 0;

  llama_context_params params = llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(llama_model_n_ctx_train(model));
  params.n_batch = params.n_ubatch = 512;
  params.n_threads = params.n_threads_batch = 1;
  params.type_k = params.type_v = GGML_TYPE_F32;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.swa_full = true;
  params.embeddings = encoder;
  if (encoder) params.pooling_type = rank ? LLAMA_POOLING_TYPE_RANK : LLAMA_POOLING_TYPE_NONE;
  llama_context* context = llama_init_from_model(model, params);
  if (context == nullptr) return 1;
  if (argc == 5) {
    llama_adapter_lora* adapter = llama_adapter_lora_init(model, argv[3]);
    float scale = std::strtof(argv[4], nullptr);
    if (adapter == nullptr || llama_set_adapters_lora(context, &adapter, 1, &scale) != 0) return 1;
  }

  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  llama_batch batch = llama_batch_init(count, 0, 1);
  batch.n_tokens = count;
  std::printf("tokens");
  for (int i = 0; i < count; ++i) {
    batch.token[i] = given.empty() ? 3 + (7 * i * i + 11 * i) % (vocabulary - 3) : given[static_cast<size_t>(i)];
    batch.pos[i] = i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = 1;
    std::printf(" %d", batch.token[i]);
  }
  std::printf("\n");
  if ((encoder ? llama_encode(context, batch) : llama_decode(context, batch)) != 0) return 1;
  if (rank) {
    print_row(0, llama_get_embeddings_seq(context, 0), 1, 1);
    return 0;
  }
  const int size = encoder ? llama_model_n_embd(model) : vocabulary;
  for (int i = 0; i < count; ++i) {
    const float* values = encoder ? llama_get_embeddings_ith(context, i) : llama_get_logits_ith(context, i);
    print_row(i, values, size, i + 1 == count ? 3 : 61);  // much of the last row, a few values of the others
  }
}
