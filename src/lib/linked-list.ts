/**
 * A list in an order, from which anything goes in constant time. Map and Set keep an order too, but look for their first
 * entry behind all the places of those that went before it: in a queue of thousands that takes longer than all else.
 */

export interface ListNode<T> {
  readonly value: T;
}

interface Linked<T> extends ListNode<T> {
  before: Linked<T> | undefined;
  after: Linked<T> | undefined;
}

export class LinkedList<T> {
  #first: Linked<T> | undefined;
  #last: Linked<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first?.value;
  }

  /** Puts it behind all others. @returns what {@link remove} takes */
  push(value: T): ListNode<T> {
    const node: Linked<T> = { value, before: undefined, after: undefined };
    this.#append(node);
    return node;
  }

  /** @param node of this list, and still in it */
  remove(node: ListNode<T>): void {
    this.#take(node as Linked<T>);
  }

  /** @param node of this list, and still in it */
  moveToEnd(node: ListNode<T>): void {
    if (node === this.#last) return;
    this.#take(node as Linked<T>);
    this.#append(node as Linked<T>);
  }

  /** From the first on. The value at hand may be removed meanwhile. */
  find(isWanted: (value: T) => boolean): T | undefined {
    for (let node = this.#first; node; ) {
      const { value, after } = node;
      if (isWanted(value)) return value;
      node = after;
    }
    return undefined;
  }

  #append(node: Linked<T>): void {
    node.before = this.#last;
    node.after = undefined;
    if (this.#last) this.#last.after = node;
    else this.#first = node;
    this.#last = node;
    this.#size++;
  }

  #take(node: Linked<T>): void {
    const { before, after } = node;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    this.#size--;
  }
}
