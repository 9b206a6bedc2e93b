#include "daemon/secrets/sealer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <cstring>
#include <memory>

#include "executor/base/cleanup.h"
#include "executor/base/fs.h"

namespace slipway::secrets {

namespace {

constexpr char kVersion = 1;
constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;
constexpr size_t kOverhead = 1 + kNonceSize + kTagSize;
constexpr size_t kMaxText = 64U << 20;
constexpr size_t kMostKeys = 4;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

CipherContext NewContext() { return {EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free}; }

const unsigned char* Raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Raw(char* text) { return reinterpret_cast<unsigned char*>(text); }

Status CheckMode(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", path));
  if ((st.st_mode & 077) != 0) {
    return FailedPrecondition("key file '{}' may be read by others (mode {:04o}); run chmod 600 on it", path,
                              st.st_mode & 07777);
  }
  return Status();
}

}  // namespace

Sealer& Sealer::operator=(Sealer&& other) noexcept {
  Wipe();
  keys_ = std::move(other.keys_);
  return *this;
}

Sealer::~Sealer() { Wipe(); }

void Sealer::Wipe() { OPENSSL_cleanse(keys_.data(), keys_.size() * kKeySize); }

Result<Sealer::Key> Sealer::DrawKey() {
  Key key{};
  if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) return Internal("no random bytes for a key");
  return key;
}

// The first so many keys.
Status Sealer::Write(const std::string& key_file, size_t count) const {
  const std::string_view bytes(reinterpret_cast<const char*>(keys_.data()), count * kKeySize);
  return fs::WriteFileAtomic(key_file, bytes, 0600).With("write the key file");
}

Result<Sealer> Sealer::Open(const std::string& key_file) {
  Sealer sealer{std::vector<Key>()};
  if (!fs::Exists(key_file)) {
    SLIPWAY_ASSIGN_OR_RETURN(const Key key, DrawKey());
    sealer.keys_.push_back(key);
    SLIPWAY_RETURN_IF_ERROR(sealer.Write(key_file, 1));
    return sealer;
  }
  SLIPWAY_RETURN_IF_ERROR(CheckMode(key_file));
  SLIPWAY_ASSIGN_OR_RETURN(std::string bytes, fs::ReadFile(key_file, 4096));
  const Cleanup wipe_bytes([&bytes] { OPENSSL_cleanse(bytes.data(), bytes.size()); });
  const size_t count = bytes.size() / kKeySize;
  if (count == 0 || count > kMostKeys || bytes.size() % kKeySize != 0) {
    return FailedPrecondition(
        "key file '{}' has {} bytes, which is no key of {} bytes or {} at most; restore it from a copy", key_file,
        bytes.size(), kKeySize, kMostKeys);
  }
  sealer.keys_.resize(count);
  std::memcpy(sealer.keys_.data(), bytes.data(), bytes.size());
  return sealer;
}

Status Sealer::AddKey(const std::string& key_file) {
  SLIPWAY_ASSIGN_OR_RETURN(Sealer sealer, Open(key_file));
  if (sealer.keys_.size() == kMostKeys) {
    return FailedPrecondition("key file '{}' holds {} keys already: rotations were begun and never ended", key_file,
                              kMostKeys);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Key key, DrawKey());
  std::vector<Key> keys;
  keys.reserve(kMostKeys);  // no copies are left behind
  keys.push_back(key);
  keys.insert(keys.end(), sealer.keys_.begin(), sealer.keys_.end());
  return Sealer(std::move(keys)).Write(key_file, sealer.keys_.size() + 1);
}

Status Sealer::DropOldKeys(const std::string& key_file) {
  SLIPWAY_ASSIGN_OR_RETURN(const Sealer sealer, Open(key_file));
  return sealer.Write(key_file, 1);
}

Result<std::string> Sealer::Seal(std::string_view plain, std::string_view purpose) const {
  if (plain.size() > kMaxText) return ResourceExhausted("secrets of {} bytes are too large to seal", plain.size());
  std::string out(kOverhead + plain.size(), '\0');
  out[0] = kVersion;
  unsigned char* nonce = Raw(out.data() + 1);
  unsigned char* text = nonce + kNonceSize;
  const CipherContext ctx = NewContext();
  int size = 0;
  const bool ok = RAND_bytes(nonce, kNonceSize) == 1 && ctx != nullptr &&
                  EVP_EncryptInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, keys_.front().data(), nonce) == 1 &&
                  EVP_EncryptUpdate(ctx.get(), nullptr, &size, Raw(purpose), static_cast<int>(purpose.size())) == 1 &&
                  EVP_EncryptUpdate(ctx.get(), text, &size, Raw(plain), static_cast<int>(plain.size())) == 1 &&
                  EVP_EncryptFinal_ex(ctx.get(), text + plain.size(), &size) == 1 &&
                  EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, text + plain.size()) == 1;
  if (!ok) return Internal("seal secrets: the cipher failed");
  return out;
}

Result<std::string> Sealer::Unseal(std::string_view sealed, std::string_view purpose) const {
  if (sealed.size() < kOverhead || sealed.size() > kMaxText + kOverhead || sealed[0] != kVersion) {
    return DataLoss("unseal secrets: not in our format");
  }
  const std::string_view nonce = sealed.substr(1, kNonceSize);
  const std::string_view text = sealed.substr(1 + kNonceSize, sealed.size() - kOverhead);
  std::string tag(sealed.substr(sealed.size() - kTagSize));
  std::string out(text.size(), '\0');
  for (const Key& key : keys_) {
    const CipherContext ctx = NewContext();
    int size = 0;
    const bool ok =
        ctx != nullptr && EVP_DecryptInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, key.data(), Raw(nonce)) == 1 &&
        EVP_DecryptUpdate(ctx.get(), nullptr, &size, Raw(purpose), static_cast<int>(purpose.size())) == 1 &&
        EVP_DecryptUpdate(ctx.get(), Raw(out.data()), &size, Raw(text), static_cast<int>(text.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(ctx.get(), Raw(out.data()) + out.size(), &size) == 1;
    if (ok) return out;
  }
  return DataLoss("unseal secrets: they were sealed with another key or are damaged");
}

}  // namespace slipway::secrets
