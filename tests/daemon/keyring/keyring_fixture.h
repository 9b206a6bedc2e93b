// A store of secrets in a temporary folder, and a key.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "daemon/secrets/sealer.h"
#include "daemon/store/secret_store.h"
#include "daemon/store/sqlite_run_store.h"
#include "executor/base/fs.h"

namespace slipway::keyring {

inline const SystemTime kNow(std::chrono::seconds(1'700'000'000));

class KeyringFixture : public ::testing::Test {
 protected:
  KeyringFixture() {
    runs_ = *store::SqliteRunStore::Open(fs::Join(dir_.path(), "runs.db"), "ca");  // makes the tables
    store_ = *store::SecretStore::Open(fs::Join(dir_.path(), "runs.db"));
    sealer_ = std::make_unique<secrets::Sealer>(*secrets::Sealer::Open(KeyFile()));
  }
  std::string KeyFile() const { return fs::Join(dir_.path(), "key"); }
  /// What lies on the disk.
  std::string Disk() const {
    std::string out;
    for (const char* name : {"runs.db", "runs.db-wal"}) {
      const auto text = fs::ReadFile(fs::Join(dir_.path(), name));
      if (text.ok()) out += *text;
    }
    return out;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<store::SqliteRunStore> runs_;
  std::unique_ptr<store::SecretStore> store_;
  std::unique_ptr<secrets::Sealer> sealer_;
};

}  // namespace slipway::keyring
