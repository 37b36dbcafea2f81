/**
 * OpenVINO's plug-in offers no device on processors of other makers than Intel, though it computes on them too, in float32. A test
 * calls the CPU one of Intel's: in ONNX Runtime's own description of it, whose beginning is checked first.
 */
import { openCpuLibrary } from "core/engine/native/cpu.ts";

/** `OrtHardwareDevice` begins with its type and the vendor's PCI number. */
const [VENDOR, INTEL, CPU] = [4, 0x8086, 0];

/** Calls this machine's CPU one of Intel's, in this process: before the plug-in is loaded. */
export function callIntel(): void {
  const { library, environment } = openCpuLibrary();
  for (const device of library.list("GetEpDevices", environment.address).entries) {
    const hardware = library.plain("EpDevice_Device", device) as Deno.PointerObject;
    const fields = new DataView(Deno.UnsafePointerView.getArrayBuffer(hardware, 8));
    const vendor = library.plain("HardwareDevice_VendorId", hardware);
    if (fields.getUint32(0, true) !== CPU || fields.getUint32(VENDOR, true) !== vendor) continue;
    fields.setUint32(VENDOR, INTEL, true);
  }
}
