import { Component, type ReactNode } from 'react';
import { ErrorPanel } from '../ui/error-panel.tsx';

interface FailureProps {
  readonly children: ReactNode;
}

/** A bug in a page is shown where the page would be; navigation and the other pages go on. */
export class Failure extends Component<FailureProps, { readonly error?: Error }> {
  override state: { readonly error?: Error } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return <ErrorPanel error={error} retry={() => location.reload()} />;
  }
}
