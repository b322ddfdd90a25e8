#include "broker/app/cli_backup.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "broker/app/backup.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/data_directory.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/example.hpp"

namespace drawbridge::app {
namespace {

namespace json = boost::json;
using IfThere = storage::BackupWriter::IfThere;

json::array to_json(const std::vector<storage::BackedUpFile>& files) {
    json::array list;
    for (const storage::BackedUpFile& file : files)
        list.push_back(json::object{{"name", file.name}, {"bytes", file.bytes}});
    return list;
}

bool has_secret(const std::vector<storage::BackedUpFile>& files) {
    for (const storage::BackedUpFile& file : files)
        if (file.name == "secret.key") return true;
    return false;
}

void back_up(const GlobalOptions& options, const std::string& file, bool force) {
    const auto files = make_backup(options.data, file, force ? IfThere::replace : IfThere::refuse);
    const std::uint64_t bytes = std::filesystem::file_size(file);
    if (options.json)
        return print_json({{"file", file}, {"bytes", bytes}, {"files", to_json(files)}});
    fmt::print("{} holds the whole state, {} bytes:\n", file, bytes);
    for (const storage::BackedUpFile& one : files) fmt::print("  {}\n", one.name);
    if (has_secret(files))
        fmt::print(
            "The secret and the private keys are in it: who can read it can read the PSKs. Keep it "
            "like those.\n");
    else
        fmt::print(
            "There is no secret.key in the data directory, so it is not in the backup: keep the "
            "systemd credential as well.\n");
}

// Of a directory that no broker uses, and none can before this is destroyed.
std::unique_ptr<DataDirectory> hold(const std::filesystem::path& data) {
    try {
        return std::make_unique<DataDirectory>(data);
    } catch (const DataDirectoryInUse&) {
        throw CommandFailed(
            fmt::format("a broker runs on the data directory {}; stop it, run this command again, "
                        "and start it (systemctl stop drawbridge ... systemctl start drawbridge)",
                        data.string()));
    }
}

void restore(const GlobalOptions& options, const std::string& file) {
    // First, so that a wrong name makes no directory.
    { const storage::BackupReader readable(file); }
    const auto held = hold(options.data);
    const Restored restored = restore_backup(options.data, file, WallClock::now());
    // What is older is brought to this version here. A failure changes nothing of the restore.
    try {
        DeviceRegistry(options, DeviceRegistry::IfMissing::refuse)
            .note_change("", "state restored", "from " + file, WallClock::now());
    } catch (const std::exception& failure) {
        fmt::print(stderr, "warning: it is restored, but {}\n", failure.what());
    }
    if (options.json) {
        json::object answer = {{"data", options.data.string()}, {"files", to_json(restored.files)}};
        if (restored.replaced.empty())
            answer["replaced"] = nullptr;
        else
            answer["replaced"] = restored.replaced.string();
        return print_json(answer);
    }
    fmt::print("{} is restored from {}. Start the broker: drawbridge --data {} serve\n",
               options.data.string(), file, options.data.string());
    if (!restored.replaced.empty())
        fmt::print("What was there is in {}; remove that when it is no longer needed.\n",
                   restored.replaced.string());
}

}  // namespace

void add_backup_commands(CLI::App& app, const GlobalOptions& options) {
    CLI::App* backup = app.add_subcommand(
        "backup",
        "writes the whole state into one file, while the broker runs or is stopped. It holds the "
        "secret and private keys: keep it like those");
    const auto file = std::make_shared<std::string>();
    const auto force = std::make_shared<bool>(false);
    backup->fallthrough()->add_option("FILE", *file, "the file to make")->required();
    backup->add_flag("--force", *force, "replace a file that is there");
    backup->callback([&options, file, force] { back_up(options, *file, *force); });
    add_examples(backup, {"backup /backup/drawbridge-monday", "backup /backup/latest --force"});

    CLI::App* restoring = app.add_subcommand(
        "restore",
        "puts a backup in the place of the state; the broker must be stopped. What was there is "
        "kept in DATA/replaced-TIME");
    const auto from = std::make_shared<std::string>();
    restoring->fallthrough()->add_option("FILE", *from, "made by drawbridge backup")->required();
    restoring->callback([&options, from] { restore(options, *from); });
    add_examples(restoring, {"restore /backup/drawbridge-monday",
                             "--data ./var restore /backup/drawbridge-monday"});
}

}  // namespace drawbridge::app
