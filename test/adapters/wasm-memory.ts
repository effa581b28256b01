/** Every WebAssembly memory that modules imported after this one create. */
export const memories: WebAssembly.Memory[] = [];

WebAssembly.Memory = class extends WebAssembly.Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super(descriptor);
    memories.push(this);
  }
};
