// Private to server: what the kernel lets this process do once it serves.
#pragma once

#include "base/base.h"

namespace sillok::server {

// Neither can be undone, and both hold for every process started from here.

// Nothing is written but below `home` and the folder for temporary files, nothing read but those, `readable` and the
// system's programs, libraries, fonts and settings. For the calling thread and those it makes: call it before there are
// others. Without Landlock in the kernel (Linux before 5.13) it does nothing; try_confinement tells.
Status confine_files(const fs::path& home, const std::vector<fs::path>& readable);

// No socket of the internet can be made (connections to one that listens are still accepted), for all threads. `peer`:
// the port of the organisation's own model server, to which alone TCP connections may be made then; the kernel holds
// them to the port from Linux 6.7 on, before that nothing does.
Status confine_sockets(std::optional<uint16_t> peer);

// For the process that speaks to the identity provider: it reads `readable` and the system's settings and libraries, writes
// nothing, runs no program, connects by TCP to these ports alone (Linux 6.7; before that to any) and listens nowhere.
Status confine_provider(const std::vector<fs::path>& readable, const std::vector<uint16_t>& ports);

}  // namespace sillok::server
